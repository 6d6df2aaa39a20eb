//! The SQL of the book runs.

use pgjobs_tests::Db;

use crate::{Page, pages};

/// Runs a page's blocks of SQL in their order, on a database of its own; the failures, each with its code.
///
/// `sql` runs, `sql,fails` must be refused, `sql,ignore` is not run. `<!-- sql` is run and not shown: what the page presupposes.
async fn run(page: &Page) -> Vec<String> {
    let db = Db::new().await;
    let mut failures = Vec::new();
    for block in page.blocks() {
        let wanted = match block.language {
            "sql" => true,
            "sql,fails" => false,
            _ => continue,
        };
        let mut connection = db.connect().await;
        let done = sqlx::raw_sql(sqlx::AssertSqlSafe(block.code.to_owned())).execute(&mut connection).await;
        match done {
            Ok(_) if !wanted => failures.push(format!("{}: was not refused:\n{}", page.path, block.code)),
            Err(error) if wanted => failures.push(format!("{}: {error}\n{}", page.path, block.code)),
            _ => (),
        }
    }
    failures
}

#[tokio::test]
async fn the_sql_of_each_page_runs() {
    let pages = pages();
    let with_sql: Vec<_> =
        pages.iter().filter(|page| page.blocks().iter().any(|block| block.language == "sql")).collect();
    assert!(with_sql.len() > 5, "{} pages", with_sql.len());
    let mut failures = Vec::new();
    for page in with_sql {
        failures.extend(run(page).await);
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}
