//! Rows that are appended may have cells in side columns with the same commit.

use std::sync::Arc;
use surgdb::dataset::CellUpdate;
use surgdb::rows::{CaseRow, FrameRow};
use surgdb::{Column, Dataset, ErrorKind, Operation, Table};

fn frame(id: &str) -> FrameRow {
    FrameRow { id: id.into(), source: "s".into(), kind: "rgb".into(), ..Default::default() }
}

fn scores(values: &[f32]) -> arrow_array::ArrayRef {
    Arc::new(arrow_array::Float32Array::from(values.to_vec()))
}

fn score_of(dataset: &Dataset, id: &str) -> Option<f32> {
    use arrow_array::Array;
    use arrow_array::cast::AsArray;
    let address = dataset.find(Table::Frames, id).unwrap().unwrap();
    let frame = dataset.frame(address).unwrap();
    let cell = frame.row().named("score").unwrap();
    let scores = cell.array.as_primitive::<arrow_array::types::Float32Type>();
    scores.is_valid(cell.row).then(|| scores.value(cell.row))
}

#[test]
fn old_and_new_rows_get_cells_of_a_new_column_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut appender = Dataset::create(dir.path().join("a.surgdb")).unwrap().append().unwrap();
    let old = appender.frame(&frame("old")).unwrap();
    appender.frame(&frame("other")).unwrap();
    let dataset = appender.commit(Operation::new("append")).unwrap();
    let column = Column::parse("score?: float32").unwrap();

    let mut appender = dataset.append().unwrap();
    let new = appender.frame(&frame("new")).unwrap();
    appender.frame(&frame("unscored")).unwrap();
    let addresses = vec![new, old];
    appender.update(CellUpdate::new(Table::Frames, column.clone(), addresses, scores(&[2.0, 1.0]))).unwrap();
    let dataset = appender.commit(Operation::new("append")).unwrap();
    let found: Vec<_> = ["old", "other", "new", "unscored"].map(|id| score_of(&dataset, id)).into();
    assert_eq!(found, [Some(1.0), None, Some(2.0), None]);
    assert!(dataset.verify(&mut |_, _| {}).unwrap().is_sound());

    // The same for a column that is there already.
    let mut appender = dataset.append().unwrap();
    let newer = appender.frame(&frame("newer")).unwrap();
    appender.update(CellUpdate::new(Table::Frames, column, vec![newer], scores(&[3.0]))).unwrap();
    let dataset = appender.commit(Operation::new("append")).unwrap();
    let found: Vec<_> = ["old", "new", "newer"].map(|id| score_of(&dataset, id)).into();
    assert_eq!(found, [Some(1.0), Some(2.0), Some(3.0)]);
}

#[test]
fn a_new_row_says_itself_what_its_base_columns_hold() {
    let dir = tempfile::tempdir().unwrap();
    let mut appender = Dataset::create(dir.path().join("a.surgdb")).unwrap().append().unwrap();
    let new = appender.frame(&frame("new")).unwrap();
    let case = appender.case(&CaseRow { id: "c".into(), source: "s".into(), ..Default::default() }).unwrap();
    let times: arrow_array::ArrayRef = Arc::new(arrow_array::Float64Array::from(vec![1.0]));
    let base = CellUpdate::new(Table::Frames, Column::parse("time?: float64").unwrap(), vec![new], times);
    assert_eq!(appender.update(base).unwrap_err().kind(), ErrorKind::Invalid);
    let other = CellUpdate::new(Table::Frames, Column::parse("score?: float32").unwrap(), vec![case], scores(&[1.0]));
    assert_eq!(appender.update(other).unwrap_err().kind(), ErrorKind::Invalid);
}

#[test]
fn a_column_whose_type_no_manifest_can_say_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = Dataset::create(dir.path().join("a.surgdb")).unwrap();
    for name in ["a: int8, b", "my-part", ""] {
        let part = Column::new(name, surgdb::ColumnType::Int(8), true);
        let ty = surgdb::ColumnType::Struct(vec![part]);
        let values = arrow_array::new_empty_array(&ty.to_arrow());
        let error = dataset.add_column(Table::Frames, Column::new("parts", ty, true), values).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.message().contains("no name for a part"), "{error}");
    }
}
