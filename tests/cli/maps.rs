//! Tables by maps: listed, shown, proposed, and what an import says of them.

use crate::fixture::{Fixture, fails, stdout, surgdb};

#[test]
fn maps_are_listed_shown_proposed_and_used() {
    let run = |words: &[&str]| surgdb(words);
    let listed = stdout(&run(&["map", "list"]));
    assert!(listed.contains("cholec80 ") && listed.contains("kvasir-vqa "), "{listed}");
    let json: serde_json::Value = serde_json::from_str(&stdout(&run(&["map", "list", "--json"]))).unwrap();
    assert_eq!(json.as_array().unwrap().len(), listed.lines().count());
    assert!(stdout(&run(&["map", "show", "ava"])).starts_with("name = \"ava\"\n"));
    assert!(fails(&run(&["map", "show", "nothing"])).contains("shipped are activitynet, ava"));

    let fixture = Fixture::new();
    let (table, map) = (fixture.path("labels.csv"), fixture.path("mine.toml"));
    std::fs::write(&table, "video,start,end,step\nv,0,2.5,cut\nv,2.5,4,sew\n").unwrap();
    std::fs::write(&map, stdout(&run(&["map", "init", table.to_str().unwrap()]))).unwrap();
    let (table, map) = (table.to_str().unwrap(), map.to_str().unwrap());
    assert!(fails(&fixture.run("import", &[table, "--source", "s"])).contains("`surgdb map init` proposes one"));
    let printed = stdout(&fixture.run("import", &[table, "--source", "s", "--map", map]));
    assert!(printed.contains("1 file of the map labels, 2 rows"), "{printed}");
    assert!(printed.contains("2 read = 2 added"), "{printed}");
    let again = fixture.json("import", &[table, "--source", "s", "--map", map]);
    assert_eq!((&again["records"]["unchanged"], &again["inputs"][0]["map"]), (&2.into(), &"labels".into()));
    assert!(
        fails(&fixture.run("import", &[table, "--source", "s", "--map", "no.toml"]))
            .contains("there is no map \"no.toml\"")
    );
}

fn mask(path: &std::path::Path, pixels: &[[u8; 3]]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut encoder = png::Encoder::new(std::fs::File::create(path).unwrap(), pixels.len() as u32, 1);
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&pixels.concat()).unwrap();
    writer.finish().unwrap();
}

#[test]
fn masks_are_proposed_a_map_and_imported_by_it() {
    let fixture = Fixture::new();
    let (folder, map) = (fixture.path("set"), fixture.path("mine.toml"));
    mask(&folder.join("masks/1.png"), &[[0; 3], [255, 0, 0], [255, 0, 0]]);
    mask(&folder.join("frames/1.png"), &[[1, 2, 3]; 3]);
    let proposal = stdout(&surgdb(&["map", "init", folder.join("masks").to_str().unwrap()]));
    assert!(proposal.contains("picture = \"../frames/{file.frame}.png\"\n"), "{proposal}");
    assert!(proposal.contains("label = \"class 1\" }, # 2 pixels in 1 mask\n"), "{proposal}");
    std::fs::write(&map, proposal.replace("class 1", "grasper")).unwrap();
    mask(&folder.join("masks/2.png"), &[[255, 0, 0], [9, 9, 9], [0; 3]]);
    let args = [folder.to_str().unwrap(), "--source", "s", "--map", map.to_str().unwrap()];
    let printed = stdout(&fixture.run("import", &args));
    assert!(printed.contains("2 files of the map masks, 2 masks"), "{printed}");
    assert!(printed.contains("2 annotations, 5 blobs, 6 frames"), "{printed}");
    assert!(
        printed.contains("unknown-colour") && printed.contains("#090909 (1 pixel, the first at 1, 0)"),
        "{printed}"
    );
    assert!(printed.contains("1 PICTURE OR VIDEO IS MISSING"), "{printed}");
    let refused = fails(&surgdb(&["map", "init", folder.join("none").to_str().unwrap()]));
    assert!(refused.contains("none"), "{refused}");
    let listed = stdout(&surgdb(&["map", "list"]));
    assert!(listed.contains("cholecinstanceseg ") && listed.contains("cholecseg8k "), "{listed}");
}
