//! The bytes of a file in order, decompressed on the way, in bounded memory whatever the file says.

use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use crate::types::files::{FileInfo, ReadFile};

/// The compression of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    Gzip,
    Zstd,
}

impl Compression {
    /// By a file's extension.
    pub(super) fn of_extension(extension: &str) -> Option<Self> {
        match extension.to_ascii_lowercase().as_str() {
            "gz" | "gzip" => Some(Self::Gzip),
            "zst" | "zstd" => Some(Self::Zstd),
            _ => None,
        }
    }

    /// By the first bytes of a file.
    pub(super) fn of_beginning(bytes: &[u8]) -> Option<Self> {
        MAGIC.iter().find(|(magic, _)| bytes.starts_with(magic)).map(|(_, compression)| *compression)
    }
}

/// The `compression` option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CompressionChoice {
    /// Each file's extension says.
    ByExtension,
    /// This one, or none, whatever the extension.
    Fixed(Option<Compression>),
}

/// Compressed bytes are read this many at a time.
const COMPRESSED_READ: usize = 64 << 10;
/// The largest window that a zstd frame may ask for.
const ZSTD_WINDOW_MAX: u64 = 128 << 20;

/// A file being read forward.
pub(super) enum ByteStream {
    Plain(FileCursor),
    Gzip(Box<GzipMembers<FileCursor>>),
    Zstd(Box<ZstdFrames<FileCursor>>),
}

impl ByteStream {
    /// Reads `file` from `offset` on; a compressed file always from its beginning.
    pub(super) fn new(file: Box<dyn ReadFile>, compression: Option<Compression>, offset: u64) -> Self {
        let read = Arc::new(AtomicU64::new(0));
        let offset = if compression.is_some() { 0 } else { offset };
        let cursor = FileCursor { file, offset, read };
        match compression {
            None => Self::Plain(cursor),
            Some(Compression::Gzip) => Self::Gzip(Box::new(GzipMembers::new(cursor))),
            Some(Compression::Zstd) => Self::Zstd(Box::new(ZstdFrames::new(cursor))),
        }
    }

    /// The information on the open file now.
    pub(super) fn info(&self) -> io::Result<FileInfo> {
        self.cursor().file.info()
    }

    /// The open file, to be read at any place.
    pub(super) fn file(&mut self) -> &mut dyn ReadFile {
        let cursor = match self {
            Self::Plain(cursor) => cursor,
            Self::Gzip(members) => members.decoder.get_mut().get_mut(),
            Self::Zstd(frames) => frames.source.get_mut(),
        };
        &mut *cursor.file
    }

    /// Bytes of the file, not of its content, that have been read.
    pub(super) fn file_bytes(&self) -> u64 {
        self.cursor().read.load(Ordering::Relaxed)
    }

    /// Moves a plain file to `offset`; a compressed one stays where it is.
    pub(super) fn seek(&mut self, offset: u64) {
        if let Self::Plain(cursor) = self {
            cursor.offset = offset;
        }
    }

    fn cursor(&self) -> &FileCursor {
        match self {
            Self::Plain(cursor) => cursor,
            Self::Gzip(members) => members.decoder.get_ref().get_ref(),
            Self::Zstd(frames) => frames.source.get_ref(),
        }
    }
}

impl Read for ByteStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(cursor) => cursor.read(buffer),
            Self::Gzip(members) => members.read(buffer),
            Self::Zstd(frames) => frames.read(buffer),
        }
    }
}

/// A place in a file.
pub(super) struct FileCursor {
    file: Box<dyn ReadFile>,
    offset: u64,
    read: Arc<AtomicU64>,
}

impl Read for FileCursor {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(self.offset, buffer)?;
        let bytes = u64::try_from(read).unwrap_or(0);
        self.offset += bytes;
        self.read.fetch_add(bytes, Ordering::Relaxed);
        Ok(read)
    }
}

/// All members of a gzip file, one after the other.
pub(super) struct GzipMembers<R> {
    decoder: MultiGzDecoder<BufReader<R>>,
    /// Whether the first has begun.
    began: bool,
}

impl<R: Read> GzipMembers<R> {
    fn new(source: R) -> Self {
        Self { decoder: MultiGzDecoder::new(BufReader::with_capacity(COMPRESSED_READ, source)), began: false }
    }
}

impl<R: Read> Read for GzipMembers<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.decoder.read(buffer);
        self.began |= read.is_ok();
        read.map_err(|error| {
            let of_data = matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof);
            if of_data && self.began && self.decoder.header().is_none() {
                garbage()
            } else if error.kind() == io::ErrorKind::UnexpectedEof {
                cut()
            } else {
                error
            }
        })
    }
}

/// All frames of a zstd file, one after the other: the decoder itself knows only one.
pub(super) struct ZstdFrames<R> {
    source: BufReader<R>,
    decoder: FrameDecoder,
    /// Whether the first has begun.
    in_frame: bool,
}

impl<R: Read> ZstdFrames<R> {
    fn new(source: R) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(ZSTD_WINDOW_MAX);
        Self { source: BufReader::with_capacity(COMPRESSED_READ, source), decoder, in_frame: false }
    }

    /// Begins the next frame; false at the end of the file.
    fn next_frame(&mut self) -> io::Result<bool> {
        loop {
            if self.source.fill_buf()?.is_empty() {
                return Ok(false);
            }
            match self.decoder.reset(&mut self.source) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                    let skipped = io::copy(&mut (&mut self.source).take(u64::from(length)), &mut io::sink())?;
                    if skipped < u64::from(length) {
                        return Err(cut());
                    }
                }
                Err(FrameDecoderError::ReadFrameHeaderError(
                    ReadFrameHeaderError::MagicNumberReadError(_) | ReadFrameHeaderError::BadMagicNumber(_),
                )) if self.in_frame => return Err(garbage()),
                Err(error) => return Err(damaged(&error)),
            }
        }
    }
}

impl<R: Read> Read for ZstdFrames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            if self.decoder.can_collect() > 0 {
                return self.decoder.read(buffer);
            }
            if self.in_frame && !self.decoder.is_finished() {
                self.decoder
                    .decode_blocks(&mut self.source, BlockDecodingStrategy::UptoBlocks(1))
                    .map_err(|error| damaged(&error))?;
            } else if self.next_frame()? {
                self.in_frame = true;
            } else {
                return Ok(0);
            }
        }
    }
}

/// The beginning of gzip data with the one method there is (RFC 1952), and of a zstd frame (RFC 8878).
const MAGIC: [(&[u8], Compression); 2] =
    [(&[0x1f, 0x8b, 8], Compression::Gzip), (&[0x28, 0xb5, 0x2f, 0xfd], Compression::Zstd)];

/// The bytes of `source`, unpacked if the first of them say that they are packed.
///
/// # Errors
/// When the first bytes can't be read.
pub(super) fn unpacked(mut source: Box<dyn Read>) -> io::Result<Box<dyn Read>> {
    let mut head = Vec::new();
    // No byte more than it takes to know: whoever writes to a pipe may wait for an answer to the first.
    while MAGIC.iter().any(|(magic, _)| head.len() < magic.len() && magic.starts_with(&head)) {
        let mut byte = [0];
        match source.read(&mut byte) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(0) => break,
            read => {
                read?;
                head.extend(byte);
            }
        }
    }
    let packed = Compression::of_beginning(&head);
    let all = io::Cursor::new(head).chain(source);
    Ok(match packed {
        None => Box::new(all),
        Some(Compression::Gzip) => Box::new(GzipMembers::new(all)),
        Some(Compression::Zstd) => Box::new(ZstdFrames::new(all)),
    })
}

fn cut() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the compressed data is cut off")
}

fn garbage() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "trailing garbage behind the compressed data")
}

/// The decoder's error in words: its own are partly Rust's debug text.
fn damaged(error: &FrameDecoderError) -> io::Error {
    if let FrameDecoderError::WindowSizeTooBig { requested, max } = error {
        let message = format!("the zstd data needs a window of {requested} bytes, and {max} are allowed");
        return io::Error::new(io::ErrorKind::InvalidData, message);
    }
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        match error.downcast_ref::<io::Error>() {
            Some(error) if error.kind() == io::ErrorKind::UnexpectedEof => return cut(),
            Some(error) if let Some(code) = error.raw_os_error() => return io::Error::from_raw_os_error(code),
            Some(_) | None => cause = error.source(),
        }
    }
    io::Error::new(io::ErrorKind::InvalidData, "the zstd data is damaged")
}
