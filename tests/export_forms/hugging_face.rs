//! Parquet as `datasets` loads it.

use super::*;

#[test]
fn hugging_face_loads_the_folder_with_its_pictures() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = sampled(dir.path());
    let out = dir.path().join("out");
    let all = dataset.live_addresses(Table::Conversations).unwrap();
    let report = exported(&dataset, &out, &of(ExportFormat::Hf));
    assert_eq!((report.rows["conversations"], report.missing), (all.len() as u64, 1));
    let Some(read) = read_by("hf", &out) else { return };
    let rows = read["train"].as_array().unwrap();
    assert_eq!(rows.len(), all.len());
    for (row, address) in rows.iter().zip(&all) {
        let conversation = dataset.conversation_at(*address).unwrap();
        assert_eq!(
            (&row["id"], &row["task"]),
            (&conversation.id().unwrap().into(), &conversation.task().unwrap().into())
        );
        let turns = conversation.turns().unwrap();
        let shows_beside = conversation.media().unwrap().iter().any(|medium| medium.at().is_none() && !medium.output());
        let is_asked = |number: usize| shows_beside && number == 0;
        // What has no place in the text has its placeholder in front of it.
        let text = |(number, text): (usize, &str)| {
            if is_asked(number) { format!("<image>\n{text}") } else { text.to_owned() }
        };
        let said: Vec<_> =
            turns.iter().enumerate().map(|(at, turn)| json!([turn.role(), text((at, turn.text()))])).collect();
        let read: Vec<_> =
            row["messages"].as_array().unwrap().iter().map(|turn| json!([turn["role"], turn["content"]])).collect();
        assert_eq!(read, said);
    }
    assert_eq!(with_id(rows, "instrument recognition")["images"], json!([[4, 3]]));
    assert_eq!(with_id(rows, "instrument segmentation")["output_images"], json!([[4, 3]]));
    assert_eq!(with_id(rows, "eight frames")["clips"], json!([vec![[4, 3]; 8]]));
    assert_eq!(with_id(rows, "action recognition")["videos"].as_array().unwrap().len(), 1);
    assert_eq!(with_id(rows, "preference pair")["rejected"][0]["content"], "A spoon.");
    assert_eq!(with_id(rows, "mark")["label"], false);
    assert_eq!(with_id(rows, "bare")["surgdb"], r#"{"row":true}"#);
    // What has no bytes is null: by its path alone, it would be looked for.
    let missing = with_id(rows, "missing picture");
    assert_eq!(missing["images"], json!([null]));
    assert!(missing["surgdb"].as_str().unwrap().contains(r#""absent":{"images":["#), "{missing}");
}

/// Three records, two of them in parts of the split whose names are no words.
fn split(dir: &Path) -> Dataset {
    std::fs::write(dir.join("a.png"), grey_png(4, 3, 8, 9)).unwrap();
    let record = |id: &str, split: &str| {
        format!(
            r#"{{"id":"{id}"{split},"image":"a.png","conversations":[{{"from":"human","value":"<image> q"}},{{"from":"gpt","value":"a"}}]}}"#
        )
    };
    let lines =
        [record("a/../b.c", r#","split":"fold 1""#), record("A/../b.c", r#","split":"fold_1""#), record("..", "")];
    std::fs::write(dir.join("in.jsonl"), lines.join("\n")).unwrap();
    let dataset = Dataset::create(dir.join("split.surgdb")).unwrap();
    let source = ImportOptions::new(SourceDescription::named("samples"));
    import(&dataset, &[dir.join("in.jsonl")], &source, &mut |_| {}).unwrap();
    Dataset::open(dataset.path()).unwrap()
}

#[test]
fn parts_of_a_split_become_files_of_their_own() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = split(dir.path());
    let out = dir.path().join("hf");
    exported(&dataset, &out, &of(ExportFormat::Hf));
    if let Some(read) = read_by("hf", &out) {
        let parts: BTreeSet<_> = read.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(parts, ["fold_1", "fold_1_2", "unassigned"].into());
        assert_eq!(read["unassigned"][0]["id"], "..");
    }
    let out = dir.path().join("wds");
    exported(&dataset, &out, &of(ExportFormat::WebDataset));
    let names = ["fold_1-000000.tar", "fold_1_2-000000.tar", "unassigned-000000.tar"];
    assert!(names.iter().all(|name| out.join(name).is_file()));
}
