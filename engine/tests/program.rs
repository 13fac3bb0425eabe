//! The program as cargo builds it. Its tests are in `tests/`; that this package has one too makes cargo
//! build the program whenever it builds the tests of the workspace.

use std::process::Command;

#[test]
fn it_says_its_version() {
    let program = Command::new(env!("CARGO_BIN_EXE_theater-flow")).arg("--version").output();
    let said = program.expect("the program runs").stdout;
    let version = concat!("theater-flow ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(String::from_utf8_lossy(&said), version);
}
