//! The command line with the tasks of this service: `cargo run -- worker`, `cargo run -- inspect`,
//! `cargo run -- --help`.

// A crate that is never named is not linked, and its tasks are not there.
pgjobs::link!(my_service);

fn main() -> std::process::ExitCode {
    pgjobs::cli::main()
}
