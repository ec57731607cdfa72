"""Run the migrations on the connection that the database hands over; there is no other way to run them."""

from alembic import context

from streaming_worker.api.database import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
