//! Archives of WebDataset.

use super::*;

/// The files of the archives of a folder, in their order.
fn unpacked(out: &Path, to: &Path) -> Vec<(String, Vec<String>)> {
    let mut archives: Vec<_> = std::fs::read_dir(out).unwrap().map(|entry| entry.unwrap().path()).collect();
    archives.retain(|path| path.extension().is_some_and(|ending| ending == "tar"));
    archives.sort();
    let mut all = Vec::new();
    for path in archives {
        let mut archive = tar::Archive::new(std::fs::File::open(&path).unwrap());
        let mut names = Vec::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            names.push(entry.path().unwrap().to_str().unwrap().to_owned());
            assert!(entry.unpack_in(to).unwrap(), "{names:?}");
        }
        all.push((path.file_name().unwrap().to_str().unwrap().to_owned(), names));
    }
    all
}

#[test]
fn webdataset_archives_hold_samples_that_come_in_again_equal() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = sampled(dir.path());
    let (out, to) = (dir.path().join("out"), dir.path().join("to"));
    std::fs::create_dir(&to).unwrap();
    let shards = Shards { samples: 10, ..Shards::default() };
    let report = exported(&dataset, &out, &ExportOptions { shards, ..of(ExportFormat::WebDataset) });
    let archives = unpacked(&out, &to);
    let count = dataset.count(Table::Conversations).unwrap();
    assert_eq!(archives.len() as u64, count.div_ceil(10));
    assert_eq!(archives[1].0, "samples-000001.tar");
    let keys: Vec<_> =
        archives.iter().flat_map(|(_, names)| names).filter_map(|name| name.strip_suffix(".json")).collect();
    assert_eq!(keys, (0..count).map(|number| format!("{number:09}")).collect::<Vec<_>>());
    assert_eq!(archives[0].1[..2], ["000000000.json", "000000000.png"]);
    assert_eq!((report.rows["conversations"], report.missing), (count, 1));
    if let Some(read) = read_by("webdataset", &out) {
        let samples = read.as_array().unwrap();
        assert_eq!(samples.len() as u64, count);
        for (at, sample) in samples.iter().enumerate() {
            let conversation = dataset.conversation(at as u64).unwrap();
            assert_eq!(sample["record"]["id"], conversation.id().unwrap());
            let refs = conversation.all_media().unwrap().flat_map(|medium| medium.refs().iter().collect::<Vec<_>>());
            let is_there = |at: &surgdb::Address| match dataset.table_of(*at).unwrap() {
                Table::Videos => true,
                _ => dataset.frame(*at).unwrap().blob().unwrap().is_some(),
            };
            let shown: BTreeSet<_> = refs.filter(is_there).collect();
            assert_eq!(sample["members"].as_object().unwrap().len(), shown.len(), "{sample}");
        }
        assert_eq!(samples[0]["members"], json!({"png": [4, 3]}));
        assert_eq!(samples[2]["members"], json!({"0.png": [4, 3], "1.png": [4, 3]}));
    }
    let again = Dataset::create(dir.path().join("again.surgdb")).unwrap();
    let source = ImportOptions::new(SourceDescription::named("samples"));
    let report = import(&again, &[to], &source, &mut |_| {}).unwrap();
    assert_eq!((report.records.added, report.media.missing), (count, 1));
    let again = Dataset::open(again.path()).unwrap();
    for at in 0..count {
        let was = dataset.conversation(at).unwrap().to_row().unwrap();
        let address = again.find(Table::Conversations, &was.id).unwrap().unwrap();
        let is = again.conversation_at(address).unwrap().to_row().unwrap();
        // The addresses of what is shown are others.
        let told = |row: &ConversationRow| {
            let mut endings = row.alternatives.clone();
            endings.iter_mut().flat_map(|ending| &mut ending.media).for_each(|medium| medium.refs.clear());
            (row.turns.clone(), row.grounding.clone(), endings, row.extra.clone())
        };
        assert_eq!(told(&was), told(&is));
        assert_eq!(was.all_media().count(), is.all_media().count());
        for (was, is) in was.all_media().zip(is.all_media()) {
            assert_eq!((was.turn, was.at, was.output, was.start), (is.turn, is.at, is.output, is.start));
            let ids = |dataset: &Dataset, medium: &MediumRow| {
                let id = |at: &surgdb::Address| match dataset.table_of(*at).unwrap() {
                    Table::Videos => dataset.video(*at).unwrap().id().unwrap().to_owned(),
                    _ => dataset.frame(*at).unwrap().id().unwrap().to_owned(),
                };
                medium.refs.iter().map(id).collect::<Vec<_>>()
            };
            assert_eq!(ids(&dataset, was), ids(&again, is));
        }
    }
}

#[test]
fn an_archive_ends_before_it_is_too_large() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = sampled(dir.path());
    let (out, to) = (dir.path().join("out"), dir.path().join("to"));
    std::fs::create_dir(&to).unwrap();
    let shards = Shards { bytes: 16 << 10, ..Shards::default() };
    exported(&dataset, &out, &ExportOptions { shards, ..of(ExportFormat::WebDataset) });
    let archives = unpacked(&out, &to);
    assert!(archives.len() > 2);
    for (name, members) in &archives {
        let samples = members.iter().filter(|member| member.ends_with(".json")).count();
        let length = std::fs::metadata(out.join(name)).unwrap().len();
        assert!(samples == 1 || length <= (16 << 10) + 1024, "{name} has {length} bytes");
    }
}
