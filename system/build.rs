//! Tells the crate how far it is optimised: its own profile is not known to the code that is compiled with it.

#[expect(clippy::disallowed_methods, reason = "it runs before there is anything to run")]
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let level = std::env::var("OPT_LEVEL").unwrap_or_default();
    println!("cargo::rustc-env=REVEILLE_OPT_LEVEL={level}");
}
