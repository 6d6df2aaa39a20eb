use std::process::ExitCode;

pgjobs::link!(letters);

fn main() -> ExitCode {
    pgjobs::cli::main()
}
