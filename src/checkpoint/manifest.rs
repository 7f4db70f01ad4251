//! The manifest of a checkpoint or savepoint.

use serde::{Deserialize, Serialize};

use crate::state::{DescriptorDoc, OperatorStateDoc};
use crate::types::{CheckpointId, Error, OperatorUid, Result};

/// The version that this build writes, and the greatest that it reads.
const VERSION: u32 = 2;

/// The manifest of a checkpoint or savepoint, which describes it: JSON, kept beside the state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of this form; 1 or 2.
    pub version: u32,
    /// The lotic that wrote it.
    pub lotic: String,
    /// Checkpoint or savepoint.
    pub kind: SnapshotKind,
    /// The job that it was taken of.
    pub job: String,
    /// The checkpoint's number.
    pub checkpoint: CheckpointId,
    /// The clock when it was triggered, milliseconds since the epoch.
    pub taken_at_ms: i64,
    /// The statement typed to start the job, if it was typed; version 1 did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<String>,
    /// From where a replay goes on; version 1 did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moment: Option<Moment>,
    /// The job's parallelism.
    pub parallelism: usize,
    /// The job's number of key groups. State is filed under them: it can't be restored with another number.
    pub max_parallelism: u16,
    /// The job's operators.
    pub operators: Vec<ManifestOperator>,
}

/// The point that the job had reached when a checkpoint was written, every subtask having taken its part: what besides
/// the state decides how it goes on. A replay starts its clock and its generator there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// The job's clock, milliseconds since the epoch.
    pub clock_ms: i64,
    /// The generator that chooses the next step: the seed with which it goes on. `None` where threads run as they like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
}

/// Who a snapshot belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SnapshotKind {
    /// The system's: it expires.
    Checkpoint,
    /// The user's: it stays.
    Savepoint,
}

/// One operator of the job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestOperator {
    /// The uid that the operator's state is found by.
    pub uid: OperatorUid,
    /// The operator's name in `explain`.
    pub name: String,
    /// The number of instances that the operator had.
    pub parallelism: usize,
    /// The operator's keyed states.
    pub states: Vec<DescriptorDoc>,
    /// The states of its instances, and how they are dealt out; version 1 did not say.
    #[serde(default)]
    pub operator_states: Vec<OperatorStateDoc>,
}

impl Manifest {
    /// A manifest of the present version, without statement or moment.
    #[must_use]
    pub fn new(
        kind: SnapshotKind,
        job: impl Into<String>,
        checkpoint: CheckpointId,
        taken_at_ms: i64,
        parallelism: usize,
        max_parallelism: u16,
        operators: Vec<ManifestOperator>,
    ) -> Self {
        let lotic = env!("CARGO_PKG_VERSION").to_owned();
        let job = job.into();
        Self {
            version: VERSION,
            lotic,
            kind,
            job,
            checkpoint,
            taken_at_ms,
            statement: None,
            moment: None,
            parallelism,
            max_parallelism,
            operators,
        }
    }

    /// As it is stored: the `manifest` of a [`Commit`](crate::state::Commit).
    ///
    /// # Errors
    /// None in practice: every value has a JSON form.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        serde_json::to_vec(self).map_err(Error::state)
    }

    /// The manifest that [`to_bytes`](Self::to_bytes) wrote.
    ///
    /// # Errors
    /// When the manifest is of a later version, which is named, or the bytes are no manifest.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        check_version("manifest", bytes, VERSION)?;
        serde_json::from_slice(bytes).map_err(|error| Error::state(format!("the manifest can't be read: {error}")))
    }

    /// Refuses what was written by another job: a checkpoint found in a job's own directory must be its own. (A savepoint
    /// may be restored into any job whose operators it fits.)
    ///
    /// # Errors
    /// When the job's name differs; names both.
    pub fn check_job(&self, job: &str) -> Result<()> {
        if self.job == job {
            return Ok(());
        }
        Err(Error::state(format!(
            "checkpoint {} is of job `{}`, not of `{job}`; only a savepoint can be restored into another job",
            self.checkpoint, self.job
        )))
    }
}

/// Refuses JSON whose `version` this build does not read, before anything else of it is looked at: what a later version
/// means by its other fields is not known here.
pub(super) fn check_version(what: &str, bytes: &[u8], readable: u32) -> Result<()> {
    #[derive(Deserialize)]
    struct Versioned {
        version: u64,
    }
    let found: Versioned = serde_json::from_slice(bytes)
        .map_err(|error| Error::state(format!("this is not a {what} of lotic, or a damaged one: {error}")))?;
    match u32::try_from(found.version) {
        Ok(1..) if found.version <= u64::from(readable) => Ok(()),
        _ => Err(Error::state(format!(
            "the {what} has version {}; this build of lotic reads versions up to {readable}",
            found.version
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{OperatorStateDescriptor, StateDescriptor};
    use crate::types::{Field, LogicalType, Schema};

    fn manifest() -> Manifest {
        let schema = Schema::new([Field::new("auction", LogicalType::BigInt), Field::new("n", LogicalType::BigInt)]);
        let state = StateDescriptor::new("accumulators", schema, 1).in_namespaces("slice_end");
        let operator = ManifestOperator {
            uid: OperatorUid::new("window-1"),
            name: "WindowAggregate".into(),
            parallelism: 2,
            states: vec![(&state).into()],
            operator_states: vec![(&OperatorStateDescriptor::union("watermark")).into()],
        };
        let manifest =
            Manifest::new(SnapshotKind::Checkpoint, "hot", CheckpointId(7), 1_700_000_000_000, 2, 128, vec![operator]);
        let moment = Some(Moment { clock_ms: 1_700_000_000_012, seed: Some(u64::MAX) });
        Manifest { statement: Some("run hot = bids | print;".into()), moment, ..manifest }
    }

    /// This text stands in databases and savepoints: it may grow, not change.
    #[test]
    fn the_written_form_is_frozen_and_reads_back() {
        let mut manifest = manifest();
        manifest.lotic = "0.1.0".into();
        let bytes = manifest.to_bytes().expect("a document");
        insta::assert_snapshot!(String::from_utf8_lossy(&bytes), @r#"{"version":2,"lotic":"0.1.0","kind":"checkpoint","job":"hot","checkpoint":7,"taken_at_ms":1700000000000,"statement":"run hot = bids | print;","moment":{"clock_ms":1700000000012,"seed":18446744073709551615},"parallelism":2,"max_parallelism":128,"operators":[{"uid":"window-1","name":"WindowAggregate","parallelism":2,"states":[{"name":"accumulators","key_columns":1,"partition":["auction"],"namespace":"slice_end","columns":[{"name":"auction","type":"bigint","nullable":true},{"name":"n","type":"bigint","nullable":true}]}],"operator_states":[{"name":"watermark","redistribution":"union"}]}]}"#);
        assert_eq!(Manifest::parse(&bytes).expect("the same"), manifest);
        let text = r#"{"version":1,"lotic":"0.1.0","kind":"checkpoint","job":"hot","checkpoint":7,"taken_at_ms":1700000000000,"parallelism":2,"max_parallelism":128,"operators":[{"uid":"window-1","name":"WindowAggregate","parallelism":2,"states":[{"name":"accumulators","key_columns":1,"namespace":"slice_end","columns":[{"name":"auction","type":"bigint","nullable":true},{"name":"n","type":"bigint","nullable":true}]}]}]}"#;
        let old = Manifest::parse(text.as_bytes()).expect("version 1");
        assert_eq!((old.version, old.statement, old.moment, old.checkpoint), (1, None, None, manifest.checkpoint));
        assert!(old.operators[0].operator_states.is_empty() && old.operators[0].states[0].partition.is_none());
    }

    #[test]
    fn a_later_version_is_refused_by_number() {
        for version in ["3", "0", "4294967297"] {
            let text = format!(r#"{{"version":{version},"shape":"unknown"}}"#);
            let error = Manifest::parse(text.as_bytes()).expect_err("refused").to_string();
            assert!(
                error.contains(&format!("has version {version}; this build of lotic reads versions up to 2")),
                "{error}"
            );
        }
    }

    #[test]
    fn damage_is_an_error() {
        let bytes = manifest().to_bytes().expect("a document");
        for cut in 0..bytes.len() {
            assert!(Manifest::parse(&bytes[..cut]).is_err(), "cut at {cut}");
        }
        assert!(Manifest::parse(&[0; 64]).is_err());
    }

    #[test]
    fn another_job_is_refused_naming_both() {
        manifest().check_job("hot").expect("its own");
        insta::assert_snapshot!(manifest().check_job("cold").expect_err("another"), @"checkpoint 7 is of job `hot`, not of `cold`; only a savepoint can be restored into another job");
    }
}
