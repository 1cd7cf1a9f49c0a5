-- One index less that an append of a user's message changes. The figures of migration 4 say where such messages are.
DROP INDEX messages_from_user;
