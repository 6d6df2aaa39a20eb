# What there is to run. `just` lists it; .ci/run is what CI does.

default:
    @just --list

# The tests of the README: they need Rust, a C linker and PostgreSQL's programs.
test *ARGS:
    cargo test {{ARGS}}

# Also what needs other programs or takes longer (CONTRIBUTING.md says what; .ci/run installs it).
test-all *ARGS:
    cargo test --workspace --features pgjobs-tests/everything {{ARGS}}

# Rewrites the expected texts of the macro, of the compiler's messages and of the generated clients. Review the difference.
bless:
    BLESS=1 cargo test -p pgjobs-macros
    TRYBUILD=overwrite cargo test -p pgjobs-tests --features ui --test ui
    BLESS=1 cargo test -p pgjobs-tests --test codegen
    BLESS=1 cargo test -p pgjobs-tests --test it schema_file

# The book as pages, in target/book (`cargo install mdbook`), and the tests of its code.
book:
    mdbook build docs
    cargo test -p pgjobs-book --doc
    cargo test -p pgjobs-tests --test book

# Formatting and lints.
check:
    .ci/run format lints

# The driver of the figures: setup, enqueue N, single N, drain N, latency N, flow SECONDS, against the database in BENCH_DSN.
bench *ARGS:
    cargo run -p pgjobs-benches --release -- {{ARGS}}

# All that CI does, or some of its steps: `just ci format "postgresql 16"`.
ci *STEPS:
    .ci/run {{STEPS}}
