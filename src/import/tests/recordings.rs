//! Recordings that tables of two folders call alike.

use super::*;
use crate::import::media::mp4::tests::mp4;

const MAP: &str = "name = \"m\"\n[[table]]\nfiles = [\"{video}.csv\"]\nform = \"csv\"\n[[table.rows]]\n\
    become = \"intervals\"\nid = \"id\"\nvideo = \"{file.video}\"\nstart = \"from\"\nend = \"to\"\n\
    labels = [{ axis = \"phase\", raw = \"phase\" }]\n";

/// The tables of two hospitals, each of which has a P07, and these recordings.
fn hospitals(recordings: &[(&str, u32)]) -> Place {
    let place = Place::with_map(MAP);
    place.write("a/P07.csv", "id,from,to,phase\na1,0,1,prep\n");
    place.write("b/P07.csv", "id,from,to,phase\nb1,0,1,prep\n");
    for (folder, frames) in recordings {
        place.write(&format!("{folder}/P07.mp4"), mp4(*frames));
    }
    place
}

fn first_told(report: &ImportReport) -> String {
    let told = report.findings.get(&Kind::SameVideo).and_then(|told| told.examples.first());
    told.map_or(String::new(), |told| format!("{}: {}", told.file, told.detail))
}

#[test]
fn a_recording_that_two_folders_name_alike_is_told_whether_they_come_at_once_or_not() {
    for recordings in [&[][..], &[("a", 5)]] {
        let place = hospitals(recordings);
        let [a, b] = ["a", "b"].map(|folder| place.folder().join(folder));
        assert_eq!(first_told(&place.import(&[&a]).unwrap()), "");
        let report = place.import(&[&b]).unwrap();
        let told = first_told(&report);
        assert!(told.starts_with("b/P07.csv: \"P07\" is the recording of P07.csv of another folder, too"), "{told}");
        assert_eq!(report.findings[&Kind::SameVideo].count, 1);
        assert_eq!(place.import(&[&b]).unwrap().findings.get(&Kind::SameVideo), None, "it was told");
        let place = hospitals(recordings);
        let told = first_told(&place.import(&[&place.folder()]).unwrap());
        assert!(told.starts_with("b/P07.csv: \"P07\" is the recording of a/P07.csv of another folder, too"), "{told}");
    }
}

#[test]
fn labels_stand_on_the_recording_that_lies_beside_them() {
    for at_once in [true, false] {
        let place = hospitals(&[("a", 5), ("b", 7)]);
        let [a, b] = ["a", "b"].map(|folder| place.folder().join(folder));
        match at_once {
            true => drop(place.import(&[&place.folder()]).unwrap()),
            false => [&a, &b].into_iter().for_each(|folder| drop(place.import(&[folder]).unwrap())),
        }
        let counted = |id: &str| {
            let row = place.annotation(id);
            place.dataset().video(row.target).unwrap().to_row().unwrap().frame_count
        };
        assert_eq!([counted("a1"), counted("b1")], [Some(5), Some(7)], "{at_once}");
        for folder in [&b, &a] {
            let again = place.import(&[folder]).unwrap();
            assert_eq!((again.records.unchanged, again.version), (1, None), "{at_once}");
        }
        // It stays so though the file is gone.
        fs::remove_file(b.join("P07.mp4")).unwrap();
        let again = place.import(&[&b]).unwrap();
        assert_eq!((again.records.unchanged, again.version), (1, None), "{at_once}");
    }
}

#[test]
fn a_recording_of_one_folder_is_not_given_to_the_row_of_another() {
    let place = hospitals(&[("b", 7)]);
    place.import(&[&place.folder().join("a")]).unwrap();
    let error = place.import(&[&place.folder().join("b")]).unwrap_err().to_string();
    assert!(error.contains("\"P07\" of another folder") && error.contains("--same-names"), "{error}");
    assert_eq!(place.video("P07").blob, None);
}

#[test]
fn tables_of_two_kinds_about_one_recording_are_no_two() {
    let map = MAP.replace("files = [\"{video}.csv\"]", "files = [\"{video}-phase.csv\"]");
    let more = MAP.split_once("[[table]]").unwrap().1.replace("{video}.csv", "{video}-tool.csv");
    let place = Place::with_map(&format!("{map}[[table]]{more}"));
    place.write("phases/P07-phase.csv", "id,from,to,phase\na1,0,1,prep\n");
    place.write("tools/P07-tool.csv", "id,from,to,phase\nb1,0,1,hook\n");
    let report = place.import(&[&place.folder()]).unwrap();
    assert_eq!((report.records.added, report.findings.get(&Kind::SameVideo)), (2, None));
}

#[test]
fn a_recording_has_one_row_whether_its_labels_or_its_file_come_first() {
    for labels_first in [true, false] {
        let place = Place::with_map(MAP);
        place.write("labels/P07.csv", "id,from,to,phase\na1,0,1,prep\n");
        place.write("videos/P07.mp4", mp4(5));
        let mut folders = ["labels", "videos"].map(|folder| place.folder().join(folder));
        if !labels_first {
            folders.reverse();
        }
        let import = |folder: &Path| {
            let mut options = place.options.clone();
            options.home = Some(place.folder());
            if folder.ends_with("videos") {
                options.map = None;
            }
            import(&place.dataset(), &[folder.to_path_buf()], &options, &mut |_| {}).unwrap()
        };
        for folder in &folders {
            import(folder);
        }
        let target = place.annotation("a1").target;
        assert_eq!(place.count(Table::Videos), 1, "{labels_first}");
        assert_eq!(place.dataset().video(target).unwrap().to_row().unwrap().frame_count, Some(5));
        for folder in &folders {
            let again = import(folder);
            assert_eq!((again.records.unchanged, again.version), (1, None), "{labels_first}");
        }
    }
}
