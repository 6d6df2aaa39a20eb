//! Compiles the Rust code of the book, page by page: `cargo test -p pgjobs-book --doc`.
//!
//! A line of code that begins with `# ` is compiled and not shown. What is SQL or a command, `--test book` runs.

/// The client that the page on clients calls, as `pgjobs codegen --lang rust` writes it; `--test codegen` compares it.
#[path = "../tests/codegen/golden/mail.rs"]
#[rustfmt::skip]
#[doc(hidden)]
pub mod mail_client;

/// A module for each page of `docs/src`, in the order of their names; `--test book` compares the list with SUMMARY.md.
macro_rules! pages {
    ($($page:ident: $file:literal),* $(,)?) => {
        $(#[cfg(doctest)] #[doc = include_str!(concat!("src/", $file))] struct $page;)*
    };
}

pages! {
    BatchHandlers: "batch-handlers.md",
    Clients: "clients.md",
    Compared: "compared.md",
    Control: "control.md",
    Dashboard: "dashboard.md",
    Deploy: "deploy.md",
    Doctor: "doctor.md",
    Events: "events.md",
    ExplanationLocks: "explanation/locks.md",
    ExplanationNotFor: "explanation/not-for.md",
    ExplanationStorage: "explanation/storage.md",
    ExplanationWhyPostgresql: "explanation/why-postgresql.md",
    FromApalis: "from/apalis.md",
    FromCelery: "from/celery.md",
    FromOban: "from/oban.md",
    FromRiver: "from/river.md",
    FromSidekiq: "from/sidekiq.md",
    HowToCpuBound: "how-to/cpu-bound.md",
    HowToDocker: "how-to/docker.md",
    HowToIdempotency: "how-to/idempotency.md",
    HowToKubernetes: "how-to/kubernetes.md",
    HowToMultiTenant: "how-to/multi-tenant.md",
    HowToPoolers: "how-to/poolers.md",
    HowToSeveralServers: "how-to/several-servers.md",
    HowToSizing: "how-to/sizing.md",
    HowToStandbyReaders: "how-to/standby-readers.md",
    HowToSystemd: "how-to/systemd.md",
    HowToTransactions: "how-to/transactions.md",
    HowToTuning: "how-to/tuning.md",
    HowToUpgrade: "how-to/upgrade.md",
    HowToWebhooks: "how-to/webhooks.md",
    HowToZeroDowntime: "how-to/zero-downtime.md",
    Introduction: "introduction.md",
    Layers: "layers.md",
    Life: "life.md",
    Limits: "limits.md",
    Meta: "meta.md",
    Monitoring: "monitoring.md",
    NewService: "new-service.md",
    Operating: "operating.md",
    Operations: "operations.md",
    Pause: "pause.md",
    Performance: "performance.md",
    Progress: "progress.md",
    Promises: "promises.md",
    Python: "python.md",
    ReferenceCli: "reference/cli.md",
    ReferenceConfiguration: "reference/configuration.md",
    ReferenceErrors: "reference/errors.md",
    ReferenceFeatures: "reference/features.md",
    ReferenceMacro: "reference/macro.md",
    Reliability: "reliability.md",
    Rest: "rest.md",
    Schedules: "schedules.md",
    Sql: "sql.md",
    Statistics: "statistics.md",
    Steps: "steps.md",
    Terminal: "terminal.md",
    Testing: "testing.md",
    Traces: "traces.md",
    Triggers: "triggers.md",
    Tutorial1FirstTask: "tutorial/1-first-task.md",
    Tutorial2Transaction: "tutorial/2-transaction.md",
    Tutorial3Errors: "tutorial/3-errors.md",
    Tutorial4Tests: "tutorial/4-tests.md",
    Tutorial5Rules: "tutorial/5-rules.md",
    Tutorial6Workflow: "tutorial/6-workflow.md",
    Tutorial7Production: "tutorial/7-production.md",
    Unique: "unique.md",
    Validation: "validation.md",
    WorkflowOperations: "workflow-operations.md",
    Workflows: "workflows.md",
}
