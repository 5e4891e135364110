"""A service that takes real requests: `service` with its `stores`, an `evening`, and a program."""
