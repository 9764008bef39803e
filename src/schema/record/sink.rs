//! The canonical bytes of values, on their way into a digest.

use super::NameOf;
use crate::error::{Error, Result};
use crate::format::address::Address;
use crate::format::constants::{DIGEST_LEN, RECORD_LEN};
use crate::schema::rows::*;
use crate::schema::tables::Table;
use std::cell::Cell;

thread_local! {
    /// The buffer of the last [`Sink`], for the next one.
    static GATHERED: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Canonical bytes on their way into the hash, gathered so that it is asked once where they are not too many.
pub(super) struct Sink {
    buffer: Vec<u8>,
    /// What has gone into the hash already, where there was more than is gathered.
    hasher: Option<Box<blake3::Hasher>>,
}

impl Sink {
    /// How many bytes are gathered.
    pub(super) const GATHERED: usize = 64 << 10;

    pub(super) fn of_table(table: Table) -> Self {
        let mut sink = Self { buffer: GATHERED.take(), hasher: None };
        sink.text(table.name());
        sink
    }

    /// How many bytes more are gathered: a name may have taken more than there was room for.
    fn room(&self) -> usize {
        Self::GATHERED.saturating_sub(self.buffer.len())
    }

    pub(super) fn raw(&mut self, bytes: &[u8]) {
        if bytes.len() > self.room() {
            return self.pass(bytes);
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// Hashes what is gathered, and these.
    #[cold]
    pub(super) fn pass(&mut self, bytes: &[u8]) {
        self.hasher.get_or_insert_default().update(&self.buffer).update(bytes);
        self.buffer.clear();
    }

    pub(super) fn digest(mut self) -> [u8; DIGEST_LEN] {
        let digest = match &mut self.hasher {
            Some(hasher) => hasher.update(&self.buffer).finalize(),
            None => blake3::hash(&self.buffer),
        };
        self.buffer.clear();
        GATHERED.set(self.buffer);
        *digest.as_bytes()
    }

    pub(super) fn finish(self) -> [u8; RECORD_LEN] {
        let mut record = [0; RECORD_LEN];
        record.copy_from_slice(&self.digest()[..RECORD_LEN]);
        record
    }

    pub(super) fn count(&mut self, count: usize) {
        self.raw(&(count as u64).to_le_bytes());
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.raw(bytes);
    }

    pub(super) fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    pub(super) fn text_opt(&mut self, text: &Option<String>) {
        self.raw(&[u8::from(text.is_some())]);
        if let Some(text) = text {
            self.text(text);
        }
    }

    pub(super) fn opt<const N: usize>(&mut self, value: Option<[u8; N]>) {
        self.raw(&[u8::from(value.is_some())]);
        if let Some(value) = value {
            self.raw(&value);
        }
    }

    pub(super) fn floats(&mut self, values: &[f32]) {
        for value in values {
            self.raw(&value.to_le_bytes());
        }
    }

    pub(super) fn box_opt(&mut self, bbox: &Option<BoxCoords>) {
        self.raw(&[u8::from(bbox.is_some())]);
        self.floats(bbox.as_ref().map_or(&[], |bbox| bbox));
    }

    pub(super) fn address(&mut self, address: Address, name_of: &mut NameOf<'_>) -> Result<()> {
        let unknown = 0u64.to_le_bytes();
        if unknown.len() > self.room() {
            self.pass(&[]);
        }
        // How long the name is stands before it, and is known behind it.
        let start = self.buffer.len() + unknown.len();
        self.buffer.extend_from_slice(&unknown);
        name_of(address, &mut self.buffer)?;
        let length = self.buffer.len().saturating_sub(start) as u64;
        let said = self.buffer.get_mut(start - unknown.len()..start);
        said.ok_or_else(|| Error::invalid("a name was not appended"))?.copy_from_slice(&length.to_le_bytes());
        Ok(())
    }

    pub(super) fn address_opt(&mut self, address: Option<Address>, name_of: &mut NameOf<'_>) -> Result<()> {
        self.raw(&[u8::from(address.is_some())]);
        address.map_or(Ok(()), |address| self.address(address, name_of))
    }

    pub(super) fn addresses(&mut self, addresses: &[Address], name_of: &mut NameOf<'_>) -> Result<()> {
        self.count(addresses.len());
        addresses.iter().try_for_each(|address| self.address(*address, name_of))
    }

    pub(super) fn turns(&mut self, turns: &[TurnRow]) {
        self.count(turns.len());
        for turn in turns {
            self.text(&turn.role);
            self.text(&turn.text);
            self.text_opt(&turn.name);
            self.text_opt(&turn.extra);
        }
    }

    pub(super) fn media(&mut self, media: &[MediumRow], name_of: &mut NameOf<'_>) -> Result<()> {
        self.count(media.len());
        media.iter().try_for_each(|medium| self.medium(medium, name_of))
    }

    fn medium(&mut self, medium: &MediumRow, name_of: &mut NameOf<'_>) -> Result<()> {
        self.raw(&medium.turn.to_le_bytes());
        self.opt(medium.at.map(i64::to_le_bytes));
        self.raw(&[u8::from(medium.output)]);
        self.addresses(&medium.refs, name_of)?;
        for value in [medium.start, medium.end, medium.fps] {
            self.opt(value.map(f64::to_le_bytes));
        }
        Ok(())
    }

    pub(super) fn groundings(&mut self, places: &[GroundingRow]) {
        self.count(places.len());
        places.iter().for_each(|place| self.grounding(place));
    }

    fn grounding(&mut self, place: &GroundingRow) {
        self.raw(&place.turn.to_le_bytes());
        self.raw(&place.byte_start.to_le_bytes());
        self.raw(&place.byte_end.to_le_bytes());
        self.text(&place.kind);
        self.raw(&place.media.to_le_bytes());
        self.count(place.values.len());
        self.floats(&place.values);
    }

    pub(super) fn node(&mut self, node: &ReasoningRow, name_of: &mut NameOf<'_>) -> Result<()> {
        self.raw(&node.turn.to_le_bytes());
        self.opt(node.parent.map(i32::to_le_bytes));
        self.raw(&node.subtree_end.to_le_bytes());
        self.opt(node.level.map(i8::to_le_bytes));
        self.text_opt(&node.kind);
        self.text_opt(&node.origin);
        self.text(&node.text);
        self.count(node.evidence.len());
        for evidence in &node.evidence {
            self.address(evidence.address, name_of)?;
            self.opt(evidence.start.map(f64::to_le_bytes));
            self.opt(evidence.end.map(f64::to_le_bytes));
            self.box_opt(&evidence.bbox);
        }
        Ok(())
    }

    pub(super) fn alternative(&mut self, alternative: &AlternativeRow, name_of: &mut NameOf<'_>) -> Result<()> {
        self.text(&alternative.kind);
        self.turns(&alternative.turns);
        self.media(&alternative.media, name_of)?;
        self.groundings(&alternative.grounding);
        self.opt(alternative.score.map(f64::to_le_bytes));
        self.text_opt(&alternative.generator);
        Ok(())
    }

    pub(super) fn label(&mut self, label: &LabelRow) {
        self.text(&label.axis);
        self.text_opt(&label.label);
        self.text(&label.raw);
        self.opt(label.value.map(f64::to_le_bytes));
    }

    pub(super) fn region(&mut self, region: &RegionRow, name_of: &mut NameOf<'_>) -> Result<()> {
        self.text_opt(&region.role);
        self.box_opt(&region.bbox);
        self.address_opt(region.mask, name_of)?;
        self.raw(&[u8::from(region.polygons.is_some())]);
        if let Some(polygons) = &region.polygons {
            self.count(polygons.len());
            for outline in polygons {
                self.count(outline.len());
                self.floats(outline);
            }
        }
        self.opt(region.score.map(f32::to_le_bytes));
        self.count(region.tracks.len());
        for track in &region.tracks {
            self.text(&track.scope);
            self.raw(&track.id.to_le_bytes());
        }
        Ok(())
    }
}
