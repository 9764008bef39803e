//! Masks as pictures, by tables of colours.

use super::*;
use crate::import::OnMissing;
use png::{BitDepth, ColorType};
use std::fs;

const COLOURS: &str = r##"
name = "mine"
[[masks]]
files = ["masks/{frame}.png"]
picture = "../images/{file.frame}.png"
axis = "instrument"
colours = [
    { colour = "#ff0000", label = "grasper", instance = 1 },
    { colour = [255, 0, 20], label = "grasper", instance = 2 },
    { colour = "#008000", label = "liver", axis = "tissue" },
    { colour = "#008080", label = "liver", axis = "tissue" },
]
"##;
const RED: [u8; 3] = [255, 0, 0];
const SECOND: [u8; 3] = [255, 0, 20];
const GREEN: [u8; 3] = [0, 128, 0];
const NONE: [u8; 3] = [0; 3];

fn png(color: ColorType, width: u32, samples: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, width, samples.len() as u32 / color.samples() as u32 / width);
    encoder.set_color(color);
    encoder.set_depth(BitDepth::Eight);
    if color == ColorType::Indexed {
        encoder.set_palette(vec![0, 0, 0, 255, 0, 0, 0, 128, 0, 9, 9, 9]);
        encoder.set_trns(vec![0]);
    }
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(samples).unwrap();
    writer.finish().unwrap();
    out
}

fn rgb(width: u32, pixels: &[[u8; 3]]) -> Vec<u8> {
    png(ColorType::Rgb, width, &pixels.concat())
}

/// The bytes of a frame.
fn bytes(place: &Place, address: crate::format::Address) -> Vec<u8> {
    place.dataset().frame(address).unwrap().bytes().unwrap().unwrap().to_vec()
}

fn grey_of(png: &[u8]) -> Vec<u8> {
    let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut pixels).unwrap();
    pixels
}

#[test]
fn things_become_statements_about_the_picture_and_the_mask_stays() {
    let place = Place::with_map(COLOURS);
    let mask = rgb(4, &[RED, NONE, SECOND, SECOND, RED, GREEN, NONE, [0, 128, 128]]);
    place.write("masks/1.png", &mask);
    place.write("masks/2.png", rgb(1, &[NONE]));
    place.write("images/1.png", rgb(4, &[[9; 3]; 8]));
    place.write("images/2.png", rgb(1, &[[8; 3]]));
    let report = place.whole();
    assert_eq!((report.read["masks"], report.records.read, report.media.missing), (2, 4, 0));
    assert_eq!(report.rows, [("annotations", 3), ("blobs", 7), ("frames", 7)].into());
    let picture = place.found(Table::Frames, "images/1.png");
    let kept = place.frame("masks/1.png");
    assert_eq!((kept.kind.as_str(), kept.parent, kept.path.as_deref()), ("mask", Some(picture), Some("masks/1.png")));
    assert_eq!(bytes(&place, place.found(Table::Frames, "masks/1.png")), mask);
    let first = place.annotation("masks/1#grasper/1");
    assert_eq!((first.target, labels(&first)), (picture, vec![("instrument", "grasper")]));
    assert_eq!(first.extra.as_deref(), Some(r##"{"colours":["#ff0000"],"instance":"1","pixels":2}"##));
    assert_eq!(first.regions[0].bbox, Some([0.0, 0.0, 0.25, 1.0]));
    let drawn = first.regions[0].mask.unwrap();
    assert_eq!(grey_of(&bytes(&place, drawn)), [255, 0, 0, 0, 255, 0, 0, 0]);
    assert_eq!(place.dataset().frame(drawn).unwrap().to_row().unwrap().parent, Some(picture));
    assert_eq!(place.annotation("masks/1#grasper/2").regions[0].bbox, Some([0.5, 0.0, 1.0, 0.5]));
    // Two colours of one label are one thing.
    let liver = place.annotation("masks/1#liver");
    assert_eq!((labels(&liver), liver.regions[0].bbox), (vec![("tissue", "liver")], Some([0.25, 0.5, 1.0, 1.0])));
    // A mask of nothing is a record too.
    assert_eq!(place.frame("masks/2.png").parent, Some(place.found(Table::Frames, "images/2.png")));
}

#[test]
fn unknown_colours_are_told_with_their_pixels_and_kept_in_the_masks_row() {
    let place = Place::with_map(COLOURS);
    let edge = |at: u8| [250 - at, 0, 0];
    let mut pixels = vec![RED, [1, 2, 3], [1, 2, 3], edge(0)];
    pixels.extend((1..9).map(edge));
    place.write("masks/1.png", rgb(4, &pixels));
    place.write("images/1.png", rgb(4, &[[9; 3]; 12]));
    let report = place.whole();
    let told = told(&report, Kind::UnknownColour);
    assert_eq!(told.len(), 1);
    assert!(
        told[0].starts_with(
            "the map does not know #010203 (2 pixels, the first at 1, 0), #fa0000 (1 pixel, the first at 3, 0), "
        ),
        "{told:?}"
    );
    assert!(told[0].ends_with("and 2 more (2 pixels), as edges that were smoothed have"), "{told:?}");
    let extra = place.frame("masks/1.png").extra.unwrap();
    assert!(extra.starts_with(r##"{"unknown_colours":[{"colour":"#010203","pixels":2,"first":[1,0]},"##), "{extra}");
    assert_eq!((extra.matches("colour\":").count(), place.annotation("masks/1#grasper/1").regions.len()), (10, 1));
}

#[test]
fn grey_values_and_palette_entries_are_numbers() {
    let map = r#"
        name = "mine"
        [[masks]]
        files = ["{part}/{frame}_mask.png"]
        picture = "../{file.frame}.png"
        background = [0]
        colours = [{ colour = 1, label = "{file.part}" }, { colour = 255, label = "{file.part}" }, { colour = 3, label = "x" }]
    "#;
    let place = Place::with_map(map);
    let binary = png(ColorType::Grayscale, 2, &[0, 255, 0, 255]);
    place.write("shaft/1_mask.png", &binary);
    place.write("tip/1_mask.png", png(ColorType::Indexed, 2, &[0, 1, 3, 3]));
    place.write("1.png", rgb(2, &[[9; 3]; 4]));
    let report = place.whole();
    assert_eq!((report.records.added, found(&report, Kind::UnknownColour), place.count(Table::Frames)), (3, 0, 5));
    // A grey mask of one thing is its mask as it is.
    let shaft = place.annotation("shaft/1_mask#shaft");
    assert_eq!(
        (labels(&shaft), shaft.regions[0].mask),
        (vec![("category", "shaft")], Some(place.found(Table::Frames, "shaft/1_mask.png")))
    );
    assert_eq!(shaft.target, place.annotation("tip/1_mask#x").target);
    let tip = place.annotation("tip/1_mask#tip");
    assert_eq!(grey_of(&bytes(&place, tip.regions[0].mask.unwrap())), [0, 255, 0, 0]);
    let dataset = place.dataset();
    let filter = crate::dataset::Filter::parse("kind = 'mask'").unwrap();
    assert_eq!(dataset.select(Table::Frames, &filter).unwrap().len(), 4);
}

#[test]
fn masks_that_do_not_go_with_a_picture_are_told_and_kept() {
    let mut place = Place::with_map(COLOURS);
    place.write("masks/1.png", rgb(2, &[RED, NONE]));
    place.write("masks/2.png", rgb(2, &[NONE, SECOND]));
    place.write("images/1.png", rgb(4, &[[9; 3]; 8]));
    let report = place.whole();
    let doubtful = told(&report, Kind::Doubtful);
    assert_eq!(
        doubtful,
        ["it has 2 × 1 pixels, and its picture 4 × 2: what it shows is off unless it was only scaled"]
    );
    assert_eq!((report.media.missing, report.missing[0].path.as_str()), (1, "images/2.png"));
    assert_eq!(place.frame("images/2.png").blob, None);
    assert_eq!(place.annotation("masks/2#grasper/2").target, place.found(Table::Frames, "images/2.png"));
    // The picture that comes later is taken.
    place.write("images/2.png", rgb(2, &[[9; 3]; 2]));
    assert_eq!(place.import(&[&place.folder()]).unwrap().media.found_now, 1);
    place.options.missing = OnMissing::Skip;
    place.write("masks/3.png", rgb(2, &[RED, NONE]));
    let report = place.import(&[&place.folder()]).unwrap();
    assert_eq!((report.records.skipped["missing media"], report.version), (1, None));
}

#[test]
fn what_is_no_mask_is_told_by_its_file_and_changes_nothing() {
    for (bytes, message) in [
        (b"\x89PNG\r\n\x1a\nnothing".to_vec(), "it is no PNG that can be read"),
        (rgb(2, &[RED, NONE])[..60].to_vec(), "it is no PNG that can be read"),
        (
            b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0\xff\xd9".to_vec(),
            "it is image/jpeg, in which colours are not kept exactly",
        ),
        (Vec::new(), "no PNG"),
    ] {
        let mut place = Place::with_map(COLOURS);
        place.write("masks/1.png", rgb(2, &[RED, NONE]));
        place.write("masks/2.png", bytes);
        place.write("images/1.png", rgb(2, &[[9; 3]; 2]));
        let error = place.import(&[&place.folder()]).unwrap_err().to_string();
        assert!(error.contains(message) && error.contains("masks/2.png"), "{error}");
        assert_eq!((place.dataset().version(), place.count(Table::Frames)), (1, 0));
        place.options.on_error = OnError::Skip;
        let report = place.import(&[&place.folder()]).unwrap();
        assert_eq!(
            (report.records.added, report.skipped.len(), report.skipped[0].file.as_str()),
            (1, 1, "masks/2.png")
        );
    }
}

#[test]
fn a_table_of_colours_that_is_none_says_what_is_wrong() {
    let head = "name = \"m\"\n[[masks]]\n";
    for (text, message) in [
        ("picture = \"p\"\n", "missing field `files`"),
        ("files = []\npicture = \"p\"\n", "`files` names no mask"),
        ("files = [\"m.png\"]\npicture = \"\"\n", "it is empty"),
        ("files = [\"m.png\"]\npicture = \"{frame}.png\"\n", "a mask has no fields, its file has: `{file.NAME}`"),
        ("files = [\"m.png\"]\npicture = \"{file.frame}.png\"\n", "\"m.png\" has no field {frame}"),
        (
            "files = [\"m.png\"]\npicture = \"p\"\ncolours = [{ colour = \"red\", label = \"x\" }]\n",
            "\"red\" is no colour",
        ),
        (
            "files = [\"m.png\"]\npicture = \"p\"\ncolours = [{ colour = 1, label = \"x\" }, { colour = 1, label = \"y\" }]\n",
            "the colour 1 is there twice",
        ),
        (
            "files = [\"m.png\"]\npicture = \"p\"\ncolours = [{ colour = 0, label = \"x\" }]\n",
            "the colour 0 is background, and something too",
        ),
        (
            "files = [\"m.png\"]\npicture = \"p\"\ncolours = [{ colour = 1, label = \"x\" }, { colour = \"#ff0000\", label = \"y\" }]\n",
            "either all numbers",
        ),
        (
            "files = [\"m.png\"]\npicture = \"p\"\nbackground = [\"#000000\"]\ncolours = [{ colour = 1, label = \"x\" }]\n",
            "either all numbers",
        ),
        (
            "files = [\"m.png\"]\npicture = \"p\"\ncolours = [{ colour = 1, label = \"x\", instance = 1.5 }]\n",
            "an `instance` is a number or a name",
        ),
        (
            "files = [\"m.png\"]\npicture = \"p\"\ncolour = []\n",
            "unknown field `colour`, expected one of `files`, `picture`",
        ),
    ] {
        let error = TableMap::from_toml(&format!("{head}{text}")).unwrap_err().to_string();
        assert!(error.contains(message), "{text}: {error}");
    }
    assert!(TableMap::from_toml("name = \"m\"\n").unwrap_err().to_string().contains("[[table]], or [[masks]]"));
    let place = Place::with_map("name = \"m\"\n[[masks]]\nfiles = [\"{x}.png\"]\npicture = \"{file.x}.png\"\n");
    place.write("1.png", rgb(1, &[NONE]));
    assert!(place.import(&[&place.folder()]).unwrap_err().to_string().contains("is the mask itself"));
}

#[test]
fn masks_in_a_folder_of_their_own_find_the_picture_that_others_speak_of() {
    let place = Place::new();
    let shapes = r#"{"shapes": [], "imagePath": "img_dir/7.png", "imageHeight": 2, "imageWidth": 2}"#;
    place.write("v1/ann_dir/7.json", shapes);
    place.write("v1/img_dir/7.png", rgb(2, &[[9; 3]; 4]));
    place.write("v2/img_dir/8.png", rgb(2, &[[7; 3]; 4]));
    place.write("drawn_masks/semantic_maps/6.png", rgb(2, &[NONE; 4]));
    place.write("drawn_masks/semantic_maps/7.png", rgb(2, &[NONE, RED, NONE, SECOND]));
    place.write("drawn_masks/semantic_maps/8.png", rgb(2, &[GREEN; 4]));
    let report = place.whole();
    assert_eq!(map_of(&report), None);
    assert_eq!(report.inputs[1].map.as_deref(), Some("cholecinstanceseg"));
    assert_eq!((report.records.added, report.media.missing, report.missing[0].path.as_str()), (5, 1, "img_dir/6.png"));
    let seven = place.annotation("drawn_masks/semantic_maps/7#grasper/2");
    assert_eq!(seven.target, place.found(Table::Frames, "v1/img_dir/7.png"));
    assert_eq!(
        place.annotation("drawn_masks/semantic_maps/8#hook/1").target,
        place.found(Table::Frames, "drawn_masks/semantic_maps/img_dir/8.png")
    );
    assert!(place.frame("drawn_masks/semantic_maps/img_dir/8.png").blob.is_some());
}

#[test]
fn shipped_masks_are_taken_where_their_colours_leave_no_doubt() {
    let place = Place::new();
    let grey = |values: &[u8]| rgb(2, &values.iter().map(|value| [*value; 3]).collect::<Vec<_>>());
    for clip in ["video01_00080", "video12_00080"] {
        place.write(&format!("{clip}/frame_80_endo.png"), rgb(2, &[[9; 3]; 4]));
        place.write(&format!("{clip}/frame_80_endo_watershed_mask.png"), grey(&[50, 21, 31, 255]));
        place.write(
            &format!("{clip}/frame_80_endo_color_mask.png"),
            rgb(2, &[[127; 3], [255, 114, 114], [170, 255, 0], [255; 3]]),
        );
        place.write(&format!("{clip}/frame_80_endo_mask.png"), rgb(2, &[[1; 3], [2; 3], [3; 3], [4; 3]]));
    }
    let report = place.whole();
    assert_eq!(map_of(&report), Some("cholecseg8k"));
    // Two statements and two kept pictures a clip.
    assert_eq!((report.read["masks"], report.records.added, found(&report, Kind::UnknownColour)), (6, 8, 0));
    let liver = place.annotation("video12_00080/frame_80_endo_watershed_mask#Liver");
    assert_eq!(liver.target, place.found(Table::Frames, "video12_00080/frame_80_endo.png"));
    let grasper = place.annotation("video01_00080/frame_80_endo_watershed_mask#Grasper");
    assert_eq!(labels(&grasper), [("instrument", "Grasper")]);

    let place = Place::new();
    place.write("seq_1/left_frames/frame000.png", rgb(2, &[[9; 3]; 4]));
    place.write("seq_1/labels/frame000.png", rgb(2, &[NONE, [0, 255, 0], [187, 155, 25], NONE]));
    let report = place.whole();
    assert_eq!((map_of(&report), report.records.added), (Some("endovis18"), 2));
    let thread = place.annotation("seq_1/labels/frame000#thread");
    assert_eq!(thread.target, place.found(Table::Frames, "seq_1/left_frames/frame000.png"));

    // Pictures that are only called so stay pictures, or are passed over, which is told.
    let place = Place::new();
    place.write("labels/1.png", rgb(2, &[[200, 9, 9], NONE]));
    let report = place.whole();
    assert_eq!((report.inputs[0].format, report.ignored.len(), place.count(Table::Annotations)), (Some("media"), 0, 0));
    place.write("labels.json", r#"[{"id":1,"messages":[{"role":"user","content":"a"}]}]"#);
    let report = place.import(&[&place.folder()]).unwrap();
    assert_eq!(report.ignored[0].path, "labels/1.png");
    assert!(report.ignored[0].reason.contains("does not have that map's colours"));
}

#[test]
fn a_proposal_names_the_colours_and_the_picture_and_can_be_read() {
    let place = Place::new();
    place.write("set/masks/1.png", rgb(2, &[NONE, RED, RED, SECOND]));
    place.write("set/masks/2.png", rgb(2, &[NONE, RED, NONE, NONE]));
    place.write("set/images/1.jpg", b"");
    let text = TableMap::propose(place.folder().join("set/masks")).unwrap();
    assert!(text.contains("files = [\"masks/{frame}.png\"]\npicture = \"../images/{file.frame}.jpg\"\n"), "{text}");
    assert!(text.contains("{ colour = \"#ff0000\", label = \"class 1\" }, # 3 pixels in 2 masks\n"), "{text}");
    assert!(text.contains("background = [\"#000000\"]\n"), "{text}");
    TableMap::from_toml(&text).unwrap();
    place.write("clip/1.png", rgb(40, &(0..400u32).map(|n| [n as u8, (n / 256) as u8, 9]).collect::<Vec<_>>()));
    place.write("clip/1_mask.png", png(ColorType::Grayscale, 2, &[1, 1, 2, 2]));
    let text = TableMap::propose(place.folder().join("clip")).unwrap();
    assert!(text.contains("files = [\"clip/{frame}_mask.png\"]\npicture = \"{file.frame}.png\"\n"), "{text}");
    assert!(text.contains("background = []\n") && text.contains("colour = 2, label = \"class 2\""), "{text}");
    let mut place = place;
    place.options.map = Some(Arc::new(TableMap::from_toml(&text).unwrap()));
    assert_eq!(place.import(&[&place.folder().join("clip")]).unwrap().records.added, 2);
    let error = TableMap::propose(place.folder().join("clip/1.png")).unwrap_err().to_string();
    assert!(error.contains("a photograph"), "{error}");
}

#[test]
fn a_proposal_finds_the_pictures_by_the_masks_names_and_says_where_it_is_not_certain() {
    let photo = |seed: u32| rgb(40, &(0..400).map(|n| [(n + seed) as u8, (n / 256) as u8, 9]).collect::<Vec<_>>());
    let place = Place::new();
    for number in 0..12 {
        place.write(&format!("set/masks/f{number:03}_mask.png"), rgb(2, &[NONE, RED]));
        // Before the pictures' folder by name, and of other pictures.
        place.write(&format!("set/calibration/c{number:03}.png"), photo(number));
        place.write(&format!("set/frames/f{number:03}.jpg"), "");
    }
    let masks = place.folder().join("set/masks");
    let proposed = || TableMap::propose(&masks).unwrap();
    let text = proposed();
    let pair = "files = [\"masks/{frame}_mask.png\"]\npicture = \"../frames/{file.frame}.jpg\"\n";
    assert!(text.contains(pair) && !text.contains("Not certain"), "{text}");
    // Drawings have the names of the pictures too, and are none.
    (0..12).for_each(|number| drop(place.write(&format!("set/depth/f{number:03}.png"), photo(number))));
    assert!(proposed().contains(pair) && proposed().contains("Not certain: as many masks have a file at ../depth/"));
    fs::remove_file(place.folder().join("set/frames/f003.jpg")).unwrap();
    fs::remove_dir_all(place.folder().join("set/depth")).unwrap();
    let text = proposed();
    assert!(
        text.contains(pair) && text.contains("# Not certain: 11 of 12 masks have a picture of this name"),
        "{text}"
    );
    TableMap::from_toml(&text).unwrap();
    // Both may have something of their own, before or after.
    let named = |dir: &str, name: &dyn Fn(u32) -> String, bytes: &[u8]| {
        let _ = fs::remove_dir_all(place.folder().join("set").join(dir));
        (0..4).for_each(|number| drop(place.write(&format!("set/{dir}/{}", name(number)), bytes)));
    };
    named("masks", &|number| format!("seg_{number}.png"), &rgb(2, &[NONE, RED]));
    named("frames", &|number| format!("img_{number}.jpg"), b"");
    let text = proposed();
    assert!(text.contains("masks/seg{frame}.png") && text.contains("../frames/img{file.frame}.jpg"), "{text}");
    fs::remove_dir_all(place.folder().join("set/frames")).unwrap();
    assert!(proposed().contains("# A guess, since nothing beside the masks is called as they are"), "{}", proposed());
}

#[test]
fn pictures_of_few_colours_beside_their_masks_are_proposed_as_pictures() {
    let place = Place::new();
    for number in 0..3 {
        place.write(&format!("dark/{number}.png"), rgb(2, &[[9; 3], [8, number as u8, 7]]));
        place.write(&format!("dark/{number}_mask.png"), png(ColorType::Grayscale, 2, &[0, 255]));
    }
    let text = TableMap::propose(place.folder().join("dark")).unwrap();
    assert!(text.contains("files = [\"dark/{frame}_mask.png\"]\npicture = \"{file.frame}.png\"\n"), "{text}");
    assert!(!text.contains("class 2") && !text.contains("Not certain"), "{text}");
}

#[test]
fn masks_in_a_folder_a_patient_are_proposed_the_pictures_in_those_of_the_same_names() {
    let mut place = Place::new();
    for patient in ["P1", "P2", "P3"] {
        for number in 0..3 {
            place.write(&format!("set/masks/{patient}/{number}.png"), rgb(2, &[NONE, RED]));
            place.write(&format!("set/images/{patient}/{number}.png"), rgb(2, &[[9; 3], [8, number as u8, 7]]));
        }
    }
    // The folder of all says the same as that of one.
    for folder in ["set/masks/P2", "set/masks"] {
        let text = TableMap::propose(place.folder().join(folder)).unwrap();
        let files = "files = [\"masks/{clip}/{frame}.png\"]\npicture = \"../../images/{file.clip}/{file.frame}.png\"\n";
        assert!(text.contains(files) && !text.contains("Not certain"), "{text}");
        place.options.map = Some(Arc::new(TableMap::from_toml(&text).unwrap()));
    }
    let report = place.import(&[&place.folder().join("set")]).unwrap();
    assert_eq!((report.records.added, report.rows["frames"], report.media.missing), (9, 27, 0));
    let drawn = place.frame("masks/P3/2.png");
    assert_eq!(drawn.parent, Some(place.found(Table::Frames, "images/P3/2.png")));
}

#[test]
fn pictures_that_look_like_masks_are_told_with_what_reads_them() {
    let place = Place::new();
    let photo = rgb(40, &(0..400u32).map(|n| [n as u8, (n / 256) as u8, 9]).collect::<Vec<_>>());
    for number in 0..3 {
        place.write(&format!("set/images/{number}.png"), &photo);
        place.write(&format!("set/SegmentationClass/{number}.png"), png(ColorType::Indexed, 2, &[0, 1, number, 2]));
        // Called so, and photographs; painted, and not called so; empty.
        place.write(&format!("set/labelled/{number}.png"), &photo);
        place.write(&format!("set/icons/{number}.png"), rgb(2, &[RED, NONE]));
        place.write(&format!("set/masks/empty/{number}.png"), rgb(2, &[NONE, NONE]));
        place.write(&format!("set/seg/P {number}/a.png"), png(ColorType::Grayscale, 2, &[0, 1, 2, 3]));
    }
    let report = place.import(&[&place.folder().join("set")]).unwrap();
    let told = &report.findings[&Kind::LooksLikeMasks];
    let folders: Vec<&str> = told.examples.iter().map(|told| told.file.rsplit("set/").next().unwrap()).collect();
    assert_eq!(folders, ["SegmentationClass", "seg/P 0", "seg/P 1", "seg/P 2"]);
    let first = &told.examples[0].detail;
    assert!(first.contains("3 pictures look like masks, and are taken as ordinary pictures"), "{first}");
    assert!(first.contains("\"SegmentationClass\"") && first.contains("3 colours at most"), "{first}");
    assert!(first.contains("`surgdb map init ") && first.contains("set/SegmentationClass`"), "{first}");
    assert!(told.examples[1].detail.contains("set/seg/P 0'`"), "{}", told.examples[1].detail);
    // They were told when they came in; and of the folder itself, its name counts.
    assert_eq!(place.import(&[&place.folder().join("set")]).unwrap().findings.get(&Kind::LooksLikeMasks), None);
    let place = Place::new();
    place.write("masks/1_a.png", rgb(2, &[RED, NONE]));
    place.write("frames/1_mask.png", rgb(2, &[RED, NONE]));
    assert_eq!(place.import(&[&place.folder().join("masks")]).unwrap().findings[&Kind::LooksLikeMasks].count, 1);
    // Beside records that do not name them they are told too.
    place.write("a.jsonl", r#"{"id":"a","messages":[{"role":"user","content":"x"}]}"#);
    let report = place.import(&[&place.folder()]).unwrap();
    let told = &report.findings[&Kind::LooksLikeMasks];
    assert_eq!(told.count, 2);
    assert!(told.examples.iter().all(|told| told.detail.contains("and are not taken")), "{told:?}");
    assert!(told.examples.iter().any(|told| told.detail.contains("they are called so (\"1_mask.png\")")), "{told:?}");
}

#[test]
fn the_documentations_example_of_masks_runs() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/maps.md")).unwrap();
    let (_, masks) = text.split_once("## Masks\n").unwrap();
    let (_, map) = masks.split_once("```toml\n").unwrap();
    let place = Place::with_map(map.split_once("```").unwrap().0);
    place.write("P07/masks/12.png", rgb(2, &[RED, SECOND, GREEN, NONE]));
    place.write("P07/frames/12.jpg", b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0\xff\xd9");
    assert_eq!(place.whole().records.added, 3);
    let second = place.annotation("P07/masks/12#grasper/2");
    assert_eq!(second.target, place.found(Table::Frames, "P07/frames/12.jpg"));
    assert_eq!(labels(&place.annotation("P07/masks/12#liver")), [("tissue", "liver")]);
    for key in ["files", "picture", "axis", "background", "colours"] {
        assert!(masks.contains(&format!("\n| `{key}` | ")), "docs/maps.md does not describe `{key}` of masks");
    }
}
