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

# Formatting and lints, as .ci/run.
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets --all-features -- -D warnings
    cargo clippy -p pgjobs -- -D warnings
    cargo clippy -p pgjobs-tests --all-targets -- -D warnings
    for feature in tls cli local-postgres linkme rust_decimal,bigdecimal,url,bytes,chrono-tz,jiff,indexmap,semver; do cargo clippy -p pgjobs --features "$feature" -- -D warnings || exit 1; done

# The driver of the figures: setup, enqueue N, single N, drain N, latency N, flow SECONDS, against the database in BENCH_DSN.
bench *ARGS:
    cargo run -p pgjobs-benches --release -- {{ARGS}}

# All that CI does.
ci:
    .ci/run
