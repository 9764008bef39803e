//! Stretches that a file said before, and says otherwise now: their ids count rows, so none of them is a changed one.

use super::runs::SLACK;
use crate::error::Result;
use crate::format::Address;
use crate::import::report::{At, Kind};
use crate::import::run::Run;
use crate::schema::record::{Identity, Keyed, id_identity};
use std::collections::{BTreeMap, HashSet};

/// What the runs of a file say of each video, for those that were there before: some 60 bytes a stretch.
#[derive(Default)]
pub(super) struct Restated(BTreeMap<Address, Stretches>);

#[derive(Default)]
struct Stretches {
    /// Their ids, without the number at the end.
    beginnings: HashSet<String>,
    ids: HashSet<Identity, Keyed>,
    /// From when to when, in seconds.
    times: Vec<(f64, f64)>,
}

impl Restated {
    /// Notes a stretch of a video, of this source and id.
    pub(super) fn note(&mut self, video: Address, source: &str, id: &str, times: (f64, f64)) {
        let stretches = self.0.entry(video).or_default();
        if !stretches.beginnings.contains(beginning(id)) {
            stretches.beginnings.insert(beginning(id).to_owned());
        }
        stretches.ids.insert(id_identity(source, id));
        stretches.times.push(times);
    }

    /// Tells which stretches of the dataset overlap these, are called like them, and are not said any more.
    pub(super) fn tell(&mut self, run: &mut Run<'_>, at: &At) -> Result<()> {
        let dataset = run.dataset().clone();
        for (video, said) in std::mem::take(&mut self.0) {
            if !dataset.is_live(video)? {
                continue;
            }
            for address in dataset.annotations_of(video)? {
                let row = dataset.annotation(address)?;
                let (id, times) = (row.id()?, (row.start()?, row.end()?));
                let (Some(start), Some(end)) = times else { continue };
                let is_ours = row.source()? == run.options.source.id && said.beginnings.contains(beginning(id));
                let overlaps = |other: &(f64, f64)| start < other.1 - SLACK && other.0 < end - SLACK;
                // One that has changed is said, though it is kept as it was. Most are: then no times are compared.
                let is_said = || said.ids.contains(&id_identity(&run.options.source.id, id)) || run.is_met(id);
                if is_ours && !is_said() && said.times.iter().any(overlaps) {
                    run.of_input.numbers.note_told(id);
                    let at = At { id: Some(id.to_owned()), ..at.clone() };
                    let what = format!(
                        "{start} to {end} s: it was said before and is not said any more, and stays beside what is said \
                         of that time now; delete it, if this is right (surgdb delete … {id} --table annotations)"
                    );
                    run.report.find(Kind::Doubtful, &at, what);
                }
            }
        }
        Ok(())
    }
}

/// An id without the number at its end.
fn beginning(id: &str) -> &str {
    id.trim_end_matches(|c: char| c.is_ascii_digit())
}
