//! Tells the linker to leave out what nothing reads, and to write the places that the loader has to
//! adjust as a list of ranges (RELR) where the C library reads those: 200 kB less on disk and in
//! memory. Source: glibc 2.36's notes.

use std::process::Command;

/// The first glibc that reads such a list.
const FIRST: (u32, u32) = (2, 36);

fn main() {
    println!("cargo::rerun-if-changed=src/build.rs");
    let given = |name| std::env::var(name).unwrap_or_default();
    if given("PROFILE") == "release" && given("CARGO_CFG_TARGET_OS") == "linux" {
        // The index by which a panic would find its way up the stack: in this profile a panic
        // ends the program instead, and nobody reads it. 80 kB less.
        println!("cargo::rustc-link-arg-bins=-Wl,--no-eh-frame-hdr");
    }
    // What another machine runs is not known here.
    let here = given("TARGET") == given("HOST");
    if here && given("CARGO_CFG_TARGET_ENV") == "gnu" && glibc().is_some_and(|is| is >= FIRST) {
        // A linker that does not know it warns and goes on.
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

/// The version of glibc on this machine.
fn glibc() -> Option<(u32, u32)> {
    let told = Command::new("getconf")
        .arg("GNU_LIBC_VERSION")
        .output()
        .ok()?;
    let told = String::from_utf8(told.stdout).ok()?;
    let mut parts = told.trim().strip_prefix("glibc ")?.split('.');
    let mut next = || parts.next()?.parse().ok();
    Some((next()?, next()?))
}
