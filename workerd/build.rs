//! Builds the shim with the C compiler that the workspace needs anyway. It is put into the library as bytes, so that what is installed
//! is one file. Where the runtime cannot be driven (anything but Linux on x86-64) it is empty, and the room says so when it is asked.

use std::env;
use std::path::PathBuf;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=shim");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo says where")).join("shim.so");
    let target = env::var("TARGET").expect("cargo says for what");
    if target != "x86_64-unknown-linux-gnu" {
        std::fs::write(&out, b"").expect("the folder of the build can be written");
        return;
    }
    let compiler = cc::Build::new().opt_level(2).pic(true).warnings(true).extra_warnings(true).get_compiler();
    let mut command: Command = compiler.to_command();
    command.args(["-std=gnu11", "-shared", "-fvisibility=hidden", "-o"]).arg(&out);
    let sources = ["clocks.c", "disk.c", "entropy.c", "lockstep.c"];
    command.args(sources.iter().map(|source| format!("shim/{source}"))).arg("-ldl");
    let status = command.status().expect("the C compiler starts");
    assert!(status.success(), "the shim does not compile: {command:?}");
}
