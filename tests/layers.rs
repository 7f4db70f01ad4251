//! Holds the layer table of `src/ARCHITECTURE.md`: a module imports only from layers below its own, so there can be no
//! cycle and no two modules of one layer know each other.

#![allow(clippy::expect_used, reason = "helpers of tests are tests")]

use std::fs;
use std::path::{Path, PathBuf};

/// Module and layer, as `src/ARCHITECTURE.md` has them.
const LAYERS: &[(&str, u8)] = &[
    ("types", 0),
    ("expr", 1),
    ("state", 1),
    ("formats", 1),
    ("inspect", 1),
    ("api", 2),
    ("checkpoint", 2),
    ("plan", 3),
    ("operators", 3),
    ("connectors", 3),
    ("lang", 4),
    ("runtime", 4),
    ("session", 5),
    ("commands", 6),
    ("dashboard", 6),
    ("shell", 7),
];

fn layer(module: &str) -> Option<u8> {
    LAYERS.iter().find(|(name, _)| *name == module).map(|&(_, layer)| layer)
}

fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).expect("a readable folder").map(|entry| entry.expect("an entry").path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            rust_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// The modules named behind `crate::` in `text`, comments left out.
fn imports(text: &str) -> Vec<String> {
    let mut modules = Vec::new();
    for line in text.lines() {
        let code = line.split("//").next().unwrap_or("");
        for (at, _) in code.match_indices("crate::") {
            let rest = &code[at + "crate::".len()..];
            if let Some(group) = rest.strip_prefix('{') {
                modules.extend(group.split(',').map(|part| ident(part.trim())));
            } else {
                modules.push(ident(rest));
            }
        }
    }
    modules
}

fn ident(text: &str) -> String {
    text.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
}

#[test]
fn a_module_imports_only_from_below() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&root, &mut files);
    let mut broken = Vec::new();
    let mut checked = 0;
    for file in files {
        let path = file.strip_prefix(&root).expect("a file below src");
        let module = path.iter().next().and_then(|part| part.to_str()).expect("a module");
        let Some(own) = layer(module) else { continue };
        let text = fs::read_to_string(&file).expect("a readable file");
        for import in imports(&text) {
            let Some(other) = layer(&import) else { continue };
            checked += 1;
            if import != module && other >= own {
                broken.push(format!("{}: {module} (layer {own}) imports {import} (layer {other})", path.display()));
            }
        }
    }
    assert!(checked > 50, "the test reads the imports: {checked} found");
    assert!(broken.is_empty(), "imports against the layers:\n{}", broken.join("\n"));
}

#[test]
fn every_module_of_the_library_has_a_layer_and_stands_in_the_architecture() {
    let lib = include_str!("../src/lib.rs");
    let architecture = include_str!("../src/ARCHITECTURE.md");
    let modules: Vec<String> = lib.lines().filter_map(|line| line.strip_prefix("pub mod ")).map(ident).collect();
    assert!(modules.len() > 10);
    for module in modules {
        assert!(layer(&module).is_some(), "{module} has no layer");
        assert!(architecture.contains(&format!("`{module}`")), "{module} is missing from src/ARCHITECTURE.md");
    }
}

#[test]
fn a_broken_import_would_be_seen() {
    assert_eq!(imports("use crate::runtime::Job; // crate::shell"), ["runtime"]);
    assert_eq!(imports("use crate::{api, plan};"), ["api", "plan"]);
}
