//! The SQL of the book runs.

use pgjobs_tests::Db;
use sqlx::{AssertSqlSafe, PgConnection};

use crate::{Block, Page, pages};

/// Runs a page's blocks of SQL in their order, on a database of its own; the failures, each with its code.
///
/// `sql` runs, `sql,fails` must be refused, `sql,ignore` is not run. `<!-- sql` is run and not shown: what the page
/// presupposes. `<!-- sql,arguments` is a query whose only row has the values of `$1`, `$2` … in the blocks after it.
async fn run(page: &Page) -> Vec<String> {
    let db = Db::new().await;
    let mut connection = db.connect().await;
    let before = roles(&mut connection).await;
    let (mut failures, mut arguments) = (Vec::new(), Vec::new());
    for block in page.blocks() {
        let code = with_arguments(block.code, &arguments);
        match block.language {
            "sql,arguments" => match read(&db, &code).await {
                Ok(row) => arguments = row,
                Err(error) => failures.push(failure(page, &block, &error)),
            },
            "sql" => {
                failures.extend(execute(&db, code).await.err().map(|error| failure(page, &block, &error)))
            }
            "sql,fails" if execute(&db, code).await.is_ok() => {
                failures.push(failure(page, &block, &"was not refused"));
            }
            _ => (),
        }
    }
    drop_roles(&mut connection, &before).await;
    failures
}

fn failure(page: &Page, block: &Block<'_>, error: &dyn std::fmt::Display) -> String {
    format!("docs/src/{}:{}: {error}\n{}", page.path, block.line, block.code)
}

/// A connection for each block: what a page's set-up may leave behind in a session is nothing.
async fn execute(db: &Db, code: String) -> Result<(), sqlx::Error> {
    let mut connection = db.connect().await;
    sqlx::raw_sql(AssertSqlSafe(code)).execute(&mut connection).await.map(drop)
}

/// The values of the only row of a query, as texts.
async fn read(db: &Db, query: &str) -> Result<Vec<String>, sqlx::Error> {
    let query = query.trim().trim_end_matches(';');
    let texts =
        format!("select array(select value from json_each_text(to_json(found))) from ({query}) found");
    sqlx::query_scalar(AssertSqlSafe(texts)).fetch_one(&db.pool).await
}

fn with_arguments(code: &str, arguments: &[String]) -> String {
    let numbered = arguments.iter().enumerate().rev();
    numbered.fold(code.to_owned(), |code, (at, value)| {
        code.replace(&format!("${}", at + 1), &format!("'{}'", value.replace('\'', "''")))
    })
}

async fn roles(connection: &mut PgConnection) -> Vec<String> {
    let all = sqlx::query_scalar("select rolname::text from pg_roles");
    all.fetch_all(connection).await.expect("the roles")
}

/// Roles belong to the whole server, and the next page may make one of the same name.
async fn drop_roles(connection: &mut PgConnection, before: &[String]) {
    for role in roles(connection).await.iter().filter(|role| !before.contains(role)) {
        let drop = format!("drop owned by \"{role}\" cascade; drop role \"{role}\"");
        sqlx::raw_sql(AssertSqlSafe(drop))
            .execute(&mut *connection)
            .await
            .expect("the role of a page dropped");
    }
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
