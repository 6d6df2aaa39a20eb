# shellcheck shell=bash
# Sourced by .ci/run and by every step: where they run, and how they get the programs that they need.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export CARGO_TERM_COLOR=never RUST_BACKTRACE=0
# Nothing here prints a backtrace, and debug information is a good part of compiling and linking the test programs.
export CARGO_PROFILE_DEV_DEBUG=none
# What is compiled once has no use for the files that would speed up its next compilation; they are most of `target`.
export CARGO_INCREMENTAL=0

# The whole workspace with every test, in the same words in every step, so that it is compiled once.
everything=(--workspace --features pgjobs-tests/everything)

# Whether a program is there.
has() {
  case $1 in
    # The one of rust-toolchain.toml.
    rust) cargo --version ;;
    postgresql) ls /usr/lib/postgresql/*/bin/initdb ;;
    postgresql-*) ls "/usr/lib/postgresql/${1#postgresql-}/bin/initdb" ;;
    pip) python3 -m pip --version ;;
    npm) command -v npm ;;
    pgbouncer) PATH=$PATH:/usr/sbin command -v pgbouncer ;;
    chromium) command -v chromium && command -v chromedriver ;;
    axe) ls target/axe/node_modules/axe-core/axe.min.js ;;
    # Of package etcd-server.
    etcd) command -v etcd ;;
    faketime) ls /usr/lib/*/faketime/libfaketimeMT.so.1 ;;
    # pg_prove, with pgTAP and plpgsql_check for the newest installed PostgreSQL.
    pgtap) command -v pg_prove ;;
    postrust) PATH=$PATH:$HOME/.cargo/bin command -v postrust ;;
    mdbook) PATH=$PATH:$HOME/.cargo/bin command -v mdbook ;;
    # With promtool, and the exporter for PostgreSQL.
    prometheus) command -v promtool && command -v prometheus-postgres-exporter ;;
    *) command -v "$1" ;;
  esac >/dev/null 2>&1
}

# Installs packages of the system. Where there is no apt, nothing: the launcher then fetches a PostgreSQL by itself, and a
# test that needs another program says so.
packages() {
  command -v apt-get >/dev/null || return 0
  as_root apt-get update -q >/dev/null
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qy "$@" >/dev/null
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# Where there is an init system, a package may have started its service.
stop_services() {
  command -v systemctl >/dev/null || return 0
  as_root systemctl disable --now "$@" >/dev/null 2>&1 || true
}

# A certain PostgreSQL: of the system, else of PostgreSQL's own archive, which a script of package postgresql-common adds.
package_of_postgresql() {
  packages postgresql-common
  apt-cache show "postgresql-$1" >/dev/null 2>&1 || as_root /usr/share/postgresql-common/pgdg/apt.*.sh -y >/dev/null
  packages "postgresql-$1"
}

extensions_of_postgresql() {
  local version
  version=$(find /usr/lib/postgresql -mindepth 1 -maxdepth 1 -printf '%f\n' | sort -n | tail -n 1)
  packages "postgresql-$version-pgtap" "postgresql-$version-plpgsql-check" libtap-parser-sourcehandler-pgtap-perl
}

add() {
  case $1 in
    rust) rustup toolchain install ;;
    postgresql) packages postgresql ;;
    postgresql-*) package_of_postgresql "${1#postgresql-}" ;;
    pip) packages python3-pip ;;
    npm) packages nodejs npm ;;
    pgbouncer | faketime) packages "$1" ;;
    # Not their services: the tests start both.
    patroni | etcd) packages patroni etcd-server && stop_services patroni etcd ;;
    systemd-analyze) packages systemd ;;
    chromium) packages chromium chromium-driver fonts-liberation ;;
    # Into target: its licence is the MPL, and nothing of it is ours to ship.
    axe) npm install --prefix target/axe --no-audit --no-fund --silent axe-core@4.14.1 ;;
    pgtap) extensions_of_postgresql ;;
    prometheus) packages prometheus prometheus-postgres-exporter ;;
    # Locked it would want a version of a dependency that not every registry has.
    postrust) cargo install postrust-server --version 3.1.0 --debug --quiet ;;
    # With its search, without its server.
    mdbook) cargo install mdbook --version 0.5.4 --no-default-features --features search --locked --debug --quiet ;;
    # Half a minute of building each, the last some minutes.
    cargo-deny) cargo install cargo-deny --version 0.20.2 --locked --debug --quiet ;;
    cargo-fuzz) cargo install cargo-fuzz --version 0.13.2 --locked --debug --quiet ;;
    cargo-semver-checks) cargo install cargo-semver-checks --version 0.51.0 --locked --debug --quiet ;;
    *) echo ".ci/lib.sh: nothing says how to install $1" >&2; return 1 ;;
  esac
}

# What the caller cannot do without, installed where it is missing.
need() {
  local name
  for name; do
    has "$name" || { printf '\n== install %s\n' "$name"; add "$name"; }
  done
}
