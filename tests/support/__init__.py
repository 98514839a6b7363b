"""What the tests share: commands, simulators, servers, clocks, warehouses."""
