//! The demo data that every session begins with: sources that nobody has to define.

use super::remembered::deferred;
use crate::api::Registries;
use crate::plan::{Level, Origin};
use crate::state::Definition;

/// The sources by name. What is generated comes without end, fast enough that a window fires within a second or two; the
/// earthquakes are real ones, and all there are.
const SOURCES: [(&str, &str); 7] = [
    ("auctions", "source auctions from nexmark 'auction' with (rate = 100000, seed = 7)"),
    ("bids", "source bids from nexmark 'bid' with (rate = 100000, seed = 7)"),
    ("clicks", "source clicks from demo 'clicks' with (rate = 2000, seed = 7)"),
    ("persons", "source persons from nexmark 'person' with (rate = 100000, seed = 7)"),
    ("quakes", "source quakes from demo 'quakes'"),
    ("sensors", "source sensors from demo 'sensors' with (rate = 2000, seed = 7)"),
    ("transactions", "source transactions from demo 'transactions' with (rate = 2000, seed = 7)"),
];

/// The level of the catalog that holds them.
pub(super) fn level(registries: Registries) -> Level {
    Level::new(move || {
        let source = |(name, text): (&str, &str)| Definition {
            kind: "source".to_owned(),
            name: name.to_owned(),
            directory: std::path::PathBuf::new(),
            text: text.to_owned(),
        };
        SOURCES.into_iter().map(source).filter_map(|each| deferred(each, Origin::Demo, registries)).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Catalog, Entry};

    #[test]
    fn every_source_can_be_bound_has_an_event_time_and_the_name_that_it_is_listed_by() {
        let catalog = Catalog::new().before(level(crate::session::registries(&[])));
        assert_eq!(catalog.iter().count(), SOURCES.len());
        for (name, _) in SOURCES {
            let entry = catalog.get(name).expect("there").entry();
            let Ok(Entry::Source(source)) = entry else { panic!("{name}: {entry:?}") };
            assert_eq!(source.name, name);
            assert!(source.event_time.is_some(), "{name}");
        }
    }
}
