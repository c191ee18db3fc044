"""What Alembic runs: the steps, inside the transaction it is given."""

from alembic import context

from vid_diffusion_bench.database.tables import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, render_as_batch=connection.dialect.name == "sqlite")
context.run_migrations()
