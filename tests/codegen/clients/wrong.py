"""What a type checker must refuse: each line that ends in a mark, and no other."""

from demo import Connection, demo_area, demo_greet, demo_order_pack_2, demo_tree, publish_workflow


async def wrong(connection: Connection) -> None:
    await demo_greet(connection, name=7)  # refused
    await demo_greet(connection)  # refused
    await demo_greet(connection, name="Ada", lokale="en")  # refused
    await demo_area(connection, shapes=[{"kind": "triangle", "side": 1}])  # refused
    size: int = await (await demo_order_pack_2(connection)).wait(connection)  # refused
    await demo_tree(connection, root={"label": "a", "children": [{"label": 1}]})  # refused
    await demo_greet(connection, name="Ada", times=2)
    await publish_workflow(connection, [{"name": "first"}])  # refused
