//! The builder of `annotations`.

use super::leaf::{Dict, Digest, Number, Ref, Text};
use super::load::Load;
use super::regions::{Labels, Regions};
use crate::error::Result;
use crate::schema::rows::AnnotationRow;
use crate::schema::tables::{Table, annotations as columns};
use arrow_array::ArrayRef;
use arrow_array::types::Float64Type;

/// Builds batches of the table `annotations`.
#[derive(Debug, Default)]
pub struct AnnotationsBuilder {
    load: Load,
    id: Text,
    source: Dict,
    annotator: Dict,
    status: Dict,
    origin: Dict,
    generator: Dict,
    target: Ref,
    start: Number<Float64Type>,
    end: Number<Float64Type>,
    parent: Ref,
    text: Text,
    labels: Labels,
    regions: Regions,
    extra: Text,
    record: Digest<8>,
}

super::shared_methods!(AnnotationsBuilder, Table::Annotations);

impl AnnotationsBuilder {
    /// Appends a row.
    ///
    /// # Errors
    /// `Invalid`, and nothing is appended, when the lists of the batch could pass their 32-bit offsets.
    pub fn push(&mut self, row: &AnnotationRow) -> Result<()> {
        self.load.add(measure(row))?;
        self.id.push(&row.id);
        self.source.push(&row.source);
        self.annotator.push_opt(&row.annotator);
        self.status.push_opt(&row.status);
        self.origin.push_opt(&row.origin);
        self.generator.push_opt(&row.generator);
        self.target.push_address(row.target);
        self.start.push_opt(row.start);
        self.end.push_opt(row.end);
        self.parent.push_address_opt(row.parent);
        self.text.push_opt(&row.text);
        self.labels.push(&row.labels);
        self.regions.push(&row.regions);
        self.extra.push_opt(&row.extra);
        self.record.push_opt(&row.record);
        Ok(())
    }

    /// Appends an empty row: what a deleted row becomes when its bytes go. Its target is 0, which is no address.
    pub fn push_empty(&mut self) -> Result<()> {
        self.load.add(Load::row())?;
        self.id.push("");
        self.source.push("");
        for name in [&mut self.annotator, &mut self.status, &mut self.origin, &mut self.generator] {
            name.push_null();
        }
        self.target.push(0);
        self.start.push_opt(None);
        self.end.push_opt(None);
        self.parent.push_opt(None);
        self.text.push_opt(&None);
        self.labels.push(&[]);
        self.regions.push(&[]);
        self.extra.push_opt(&None);
        self.record.push_opt(&None);
        Ok(())
    }

    fn columns(&mut self) -> Result<Vec<ArrayRef>> {
        let ty = |column: usize| Table::Annotations.schema().field(column).data_type();
        Ok(vec![
            self.id.finish(),
            self.source.finish()?,
            self.annotator.finish()?,
            self.status.finish()?,
            self.origin.finish()?,
            self.generator.finish()?,
            self.target.finish(),
            self.start.finish(),
            self.end.finish(),
            self.parent.finish(),
            self.text.finish(),
            self.labels.finish(ty(columns::LABELS))?,
            self.regions.finish(ty(columns::REGIONS))?,
            self.extra.finish(),
            self.record.finish()?,
        ])
    }
}

fn measure(row: &AnnotationRow) -> Load {
    let mut load = Load::row();
    load.text(&row.id);
    load.name(&row.source);
    for name in [&row.annotator, &row.status, &row.origin, &row.generator] {
        load.name_opt(name);
    }
    load.text_opt(&row.text);
    Labels::measure(&row.labels, &mut load);
    Regions::measure(&row.regions, &mut load);
    load.text_opt(&row.extra);
    load
}
