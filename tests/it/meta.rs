//! Notes of a publisher, beside the arguments.

use pgjobs_tests::Db;

const META: &str = r#"{"tags": ["vip"], "tenant": 7}"#;

/// Every way to publish, and what a job goes through until it is forgotten.
#[tokio::test]
async fn every_way_to_publish_takes_meta_and_the_job_keeps_it() {
    for publish in [
        format!("select jobs.publish('a', i_meta => '{META}')"),
        format!(r#"select jobs.publish_json('[{{"task": "b"}}, {{"task": "a", "meta": {META}}}]')"#),
        format!(
            "select jobs.publish_arrays('{{b,a}}', array[null, null]::jsonb[], null, null, null, null, null, i_metas => array[null, '{META}'::jsonb])"
        ),
        format!(
            "select jobs.publish_arrays('{{a}}', array_fill('1'::jsonb, array[64]), null, null, null, null, null, i_pack => true, i_metas => array['{META}'::jsonb])"
        ),
    ] {
        let db = Db::new().await;
        db.run(&publish).await;
        let kept = async |when: &str| {
            let metas: Vec<String> =
                db.all("select coalesce(meta::text, 'none') from jobs.all where task = 'a'").await;
            assert!(
                !metas.is_empty() && metas.iter().all(|meta| meta == META),
                "{publish}, {when}: {metas:?}"
            );
            let others: Vec<String> =
                db.all("select job_id::text from jobs.all where task = 'b' and meta is not null").await;
            assert!(others.is_empty(), "{publish}, {when}");
        };
        kept("pending").await;
        let consumed: String = db.one("select meta::text from jobs.consume('a', 1)").await;
        assert_eq!(consumed, META, "{publish}");
        kept("running").await;
        db.run("select jobs.nack(job_id, 'x', jobs.now()) from jobs.running").await;
        kept("pending again").await;
        db.run("select jobs.cancel(array(select job_id::text from jobs.all where task = 'a'))").await;
        kept("cancelled").await;
        db.run("select jobs.retry(array(select job_id::text from jobs.all where task = 'a'))").await;
        kept("retried").await;
        let ended: String =
            db.one("select (jobs.ack(c.job_id)).meta::text from jobs.consume('a', 1) c").await;
        assert_eq!(ended, META, "{publish}");
        kept("a success").await;
    }
}

#[tokio::test]
async fn meta_that_is_no_small_object_is_refused_with_the_reason() {
    let db = Db::new().await;
    for (meta, code, message) in [
        ("'[1]'", "PT400", "meta is an object"),
        ("'null'", "PT400", "meta is an object"),
        (r#"'{"tags": "vip"}'"#, "PT400", "tags"),
        ("jsonb_build_object('a', repeat('x', 5000))", "PT413", "the limit is 4096"),
    ] {
        for publish in [
            format!("select jobs.publish('a', i_meta => {meta})"),
            format!(
                "select jobs.publish_arrays('{{a}}', array['1'::jsonb, '2'], null, null, null, null, null, i_metas => array[null, ({meta})::jsonb])"
            ),
        ] {
            let refusal = db.refusal(&publish).await;
            assert!(refusal.0 == code && refusal.1.contains(message), "{publish}: {refusal:?}");
        }
    }
    assert_eq!(db.one::<i64>("select count(*) from jobs.all").await, 0);
}

/// One value for all jobs is many bytes.
#[tokio::test]
async fn metas_count_towards_the_bytes_of_a_call() {
    let db = Db::new().await;
    let publish = "select jobs.publish_arrays('{a}', array_fill('1'::jsonb, array[20000]), null, null, null, null, null,
                     i_metas => array[jsonb_build_object('a', repeat('x', 4000))])";
    let refusal = db.refusal(publish).await;
    assert!(refusal.0 == "PT413" && refusal.1.contains("67108864 bytes"), "{refusal:?}");
}

/// What is refused has drawn no numbers and left no dead rows.
#[tokio::test]
async fn a_bulk_that_is_refused_is_refused_before_it_is_written() {
    let db = Db::new().await;
    db.run("update jobs.config set unknown_task = 'reject', max_bulk = 5").await;
    let last = "select coalesce(pg_sequence_last_value('jobs.job_number'), 0)";
    let before: i64 = db.one(last).await;
    for jobs in [2, 6] {
        let publish = format!(
            "select jobs.publish_bulk(array_fill(row('a', null, null, null, null, null)::jobs.bulk_job, array[{jobs}]))"
        );
        db.refusal(&publish).await;
    }
    assert_eq!(db.one::<i64>(last).await, before);
}
