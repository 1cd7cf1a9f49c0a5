-- The tables of a hub. Everything is in reach of one account, by which the large tables are divided.

CREATE TABLE segue_hub.version (
    number integer NOT NULL,
    functions boolean NOT NULL -- true: clients execute functions; false: they use the tables
);

CREATE TABLE segue_hub.accounts (
    account bytea PRIMARY KEY CHECK (octet_length(account) = 16),
    secret bytea NOT NULL CHECK (octet_length(secret) = 32) -- SHA-256 of the account's secret
);

-- The newest number of each machine, so that a look for something new does not read the batches.
CREATE TABLE segue_hub.machines (
    account bytea NOT NULL,
    machine uuid NOT NULL,
    head bigint NOT NULL,
    PRIMARY KEY (account, machine)
);

CREATE TABLE segue_hub.batches (
    account bytea NOT NULL,
    machine uuid NOT NULL,
    number bigint NOT NULL CHECK (number > 0),
    token bytea NOT NULL CHECK (octet_length(token) = 16),
    body bytea NOT NULL CHECK (octet_length(body) BETWEEN 1 AND 16777216),
    PRIMARY KEY (account, machine, number)
);
