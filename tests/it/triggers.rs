//! Jobs from triggers, by the page of the book that shows how.

use std::time::Instant;

use pgjobs_tests::{Db, amount};
use sqlx::{Connection, Executor};

const PAGE: &str = include_str!("../../docs/src/triggers.md");

/// The nth block of SQL on the page: the table, the trigger for each row, the one for each statement.
fn block(nth: usize) -> &'static str {
    let block = PAGE.split("```sql\n").nth(nth + 1).expect("a block");
    block.split("```").next().expect("its end")
}

const DECLARED: &str = r#"select jobs.register_tasks('[{"name": "orders.confirm", "retries": 3, "timeout": 60, "priority": 0, "result_schema": true,
    "params": [{"name": "order", "type": "i64", "required": true}, {"name": "email", "type": "String", "required": true}],
    "args_schema": {"type": "object", "properties": {"order": {"type": "integer"}, "email": {"type": "string", "maxLength": 40}},
                    "required": ["order", "email"], "additionalProperties": false}}]')"#;

async fn shop(trigger: usize) -> Db {
    let db = Db::new().await;
    for sql in [DECLARED, block(0), block(trigger)] {
        db.run(sql).await;
    }
    db
}

#[tokio::test]
async fn each_trigger_publishes_for_each_row_in_the_rows_transaction() {
    for trigger in [1, 2] {
        let db = shop(trigger).await;
        let insert = "insert into shop_order (email, total) select 'a@b', n from generate_series(1, 100) n";
        db.run(insert).await;
        db.run(&format!("begin; {insert}; rollback")).await;
        db.run("insert into shop_order (email, total) select 'a@b', 1 where false").await;
        let matched = "select count(*) from jobs.job_queue q join shop_order o on q.body = jsonb_build_object('kwargs', jsonb_build_object('order', o.id, 'email', o.email))";
        assert_eq!(db.one::<i64>(matched).await, 100, "trigger {trigger}");
        assert_eq!(db.one::<i64>("select count(*) from jobs.job_queue").await, 100);
    }
}

/// The error is what every other client sees, and a savepoint keeps what went before.
#[tokio::test]
async fn invalid_arguments_refuse_the_row_and_nothing_before_it() {
    let expected =
        "task 'orders.confirm': arguments do not fit: `email`: expected at most 40 characters, found more";
    for trigger in [1, 2] {
        let db = shop(trigger).await;
        let long = "insert into shop_order (email, total) values (repeat('canary', 20), 1)";
        let mut connection = db.connect().await;
        let mut transaction = connection.begin().await.unwrap();
        transaction
            .execute("insert into shop_order (email, total) values ('a@b', 1); savepoint before")
            .await
            .unwrap();
        let error = transaction.execute(long).await.unwrap_err();
        let error = error.as_database_error().unwrap();
        assert_eq!((error.code().as_deref(), error.message()), (Some("PT422"), expected));
        transaction.execute("rollback to before").await.unwrap();
        transaction.commit().await.unwrap();
        assert_eq!(db.one::<i64>("select count(*) from jobs.job_queue").await, 1);
        let direct = db.refusal(r#"select jobs.publish('orders.confirm', jsonb_build_object('args', jsonb_build_array(1, repeat('canary', 20))))"#).await;
        assert_eq!(direct.1, expected, "from SQL the words are the same");
    }
}

const ROWS: u32 = amount(20_000, 100_000);

/// What each row of an insert costs, in microseconds: without a trigger, with one for each row, with one for each statement.
async fn costs() -> [f64; 3] {
    let insert = format!(
        "insert into shop_order (email, total) select 'someone@example.org', n from generate_series(1, {ROWS}) n"
    );
    let mut costs = [0.0; 3];
    for (cost, blocks) in costs.iter_mut().zip([&[0][..], &[0, 1], &[0, 2]]) {
        let db = Db::new().await;
        db.run(DECLARED).await;
        for nth in blocks {
            db.run(block(*nth)).await;
        }
        let started = Instant::now();
        db.run(&insert).await;
        *cost = started.elapsed().as_secs_f64() * 1e6 / f64::from(ROWS);
    }
    costs
}

/// Of a few tries one is enough: what else the machine does may make the cheaper one seem dearer, and never all the time.
#[tokio::test]
async fn an_insert_of_many_rows_costs_a_few_times_itself() {
    for _ in 0..5 {
        let [bare, rows, statement] = costs().await;
        println!(
            "each row: {bare:.1} us without a trigger, {rows:.1} us with one for each, {statement:.1} us for all"
        );
        if statement < rows {
            return;
        }
    }
    panic!("one call for all rows is not cheaper");
}
