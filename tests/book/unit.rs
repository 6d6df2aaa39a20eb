//! The unit of the shop's worker, in systemd's own opinion.

use std::fs;
use std::process::Command;

use crate::deploy::{deploy, unit_command};

/// systemd only warns of a key that it does not know.
#[test]
fn systemd_has_nothing_to_say_about_the_unit() {
    let folder = std::env::temp_dir().join(format!("pgjobs-unit-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    let path = folder.join("mail-worker.service");
    let here = deploy("mail-worker.service").replace(&unit_command()[0], env!("CARGO_BIN_EXE_app"));
    let verify = |unit: &str| {
        fs::write(&path, unit).expect("the unit");
        let mut command = Command::new("systemd-analyze");
        let said = command.args(["verify", "--man=no"]).arg(&path).output().expect("systemd-analyze");
        String::from_utf8_lossy(&said.stderr).into_owned()
    };
    let (said, of_a_mistake) = (verify(&here), verify(&here.replace("RestartSec", "RestartSecs")));
    fs::remove_dir_all(&folder).expect("its folder");
    assert_eq!(said, "");
    assert!(of_a_mistake.contains("RestartSecs"), "it looks at keys: {of_a_mistake}");
}
