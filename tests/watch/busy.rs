//! Busy folders above the project, and changes without a file event.

use std::fs;

use hotrun::config::Poll;
use hotrun::words::ChangeKind;

use super::fixture::{Site, leads_to, write};

/// More events than make a folder busy.
fn noise(site: &Site) {
    let folder = site.root.parent().unwrap();
    for number in 0..500 {
        let path = folder.join(format!("noise{}", number % 7));
        fs::write(&path, "x").unwrap();
        fs::remove_file(&path).unwrap();
    }
}

#[test]
fn a_new_file_in_a_busy_folder_is_reported() {
    let mut site = Site::new();
    let above = site.root.parent().unwrap().to_path_buf();
    let (config, toolchain) = (above.join(".cargo/config.toml"), above.join("rust-toolchain.toml"));
    site.plan.workspace.cargo_configs.push(config.clone());
    site.plan.workspace.toolchain_files.push(toolchain.clone());
    site.watch_built(Poll::Never);
    site.drain();
    noise(&site);
    assert_eq!(site.changes(), []);
    write(&config, "[build]\njobs = 1\n");
    assert_eq!(site.expect(&config).leads_to, leads_to(ChangeKind::Manifest));
    site.build();
    noise(&site);
    write(&config, "[build]\njobs = 2\n");
    site.expect(&config);
    site.build();
    write(&toolchain, "[toolchain]\n");
    site.expect(&toolchain);
    site.build();
    // It is there now, and its folder still busy.
    noise(&site);
    write(&toolchain, "[toolchain]\nchannel = \"stable\"\n");
    site.expect(&toolchain);
    site.build();
    noise(&site);
    fs::remove_file(&toolchain).unwrap();
    site.expect(&toolchain);
}

#[expect(clippy::disallowed_methods, reason = "no live path here")]
#[test]
fn a_project_moved_away_below_a_busy_folder_and_back_is_followed() {
    let mut site = Site::new();
    let above = site.root.parent().unwrap().to_path_buf();
    site.plan.workspace.toolchain_files.push(above.join("rust-toolchain.toml"));
    site.watch_built(Poll::Never);
    site.drain();
    noise(&site);
    site.drain();
    let elsewhere = site.out().join("moved");
    fs::rename(&site.root, &elsewhere).unwrap();
    site.expect(&site.sources[0]);
    write(&elsewhere.join("src/main.rs"), "mod one;\nfn main() { moved(); }\n");
    fs::rename(&elsewhere, &site.root).unwrap();
    site.expect(&site.sources[0]);
    site.build();
    write(&site.sources[1], "// two\n");
    site.expect(&site.sources[1]);
}

/// Events come by the name that was written to.
#[test]
fn a_write_through_a_hard_link_is_reported_after_a_build() {
    let mut site = Site::new();
    let other = site.out().join("other-name");
    fs::hard_link(&site.sources[1], &other).unwrap();
    site.watch_built(Poll::Never);
    site.drain();
    fs::write(&other, "// by another name\n").unwrap();
    // The build that follows may have read it or not; the same sources as before need no walk.
    site.start_build();
    fs::write(&other, "// by another name, during the build\n").unwrap();
    site.succeed();
    site.expect(&site.sources[1]);
}
