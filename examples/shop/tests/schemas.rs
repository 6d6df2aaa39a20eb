//! What the shop's tasks take is in `jobs.schema.json`: whoever changes it sees here what pending jobs would meet.

pgjobs::link!(shop);

#[test]
fn arguments_are_as_they_were() {
    pgjobs::testing::assert_schemas_match("jobs.schema.json");
}
