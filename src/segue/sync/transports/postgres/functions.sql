-- The functions of a hub. They run with the rights of their owner, so a client needs no right to a table.
-- Parameters begin with p_, because a parameter with the name of a column would be ambiguous.

-- Return true if the account exists, false if it does not. The row is locked, so that `erase` waits for the caller.
CREATE OR REPLACE FUNCTION segue_hub.enter(p_account bytea, p_secret bytea) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    known bytea;
BEGIN
    SELECT secret INTO known FROM segue_hub.accounts WHERE account = p_account FOR KEY SHARE;
    IF known <> sha256(p_secret) THEN
        RAISE EXCEPTION 'another secret' USING ERRCODE = 'invalid_authorization_specification';
    END IF;
    RETURN known IS NOT NULL;
END $$;

-- The same without a lock, for functions that only read.
CREATE OR REPLACE FUNCTION segue_hub.check_secret(p_account bytea, p_secret bytea) RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM FROM segue_hub.accounts WHERE account = p_account AND secret <> sha256(p_secret);
    IF FOUND THEN
        RAISE EXCEPTION 'another secret' USING ERRCODE = 'invalid_authorization_specification';
    END IF;
END $$;

-- 1. The first batch of an account registers it.
-- 2. The primary key lets one of several concurrent batches in; the others wait for its commit.
-- 3. A batch that is not let in is an earlier attempt, another batch, or comes after one that is missing.
CREATE OR REPLACE FUNCTION segue_hub.push(
    p_account bytea, p_secret bytea, p_machine uuid, p_number bigint, p_token bytea, p_body bytea, p_notify boolean
) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    known bytea;
BEGIN
    IF NOT segue_hub.enter(p_account, p_secret) THEN
        INSERT INTO segue_hub.accounts VALUES (p_account, sha256(p_secret)) ON CONFLICT DO NOTHING;
        PERFORM segue_hub.enter(p_account, p_secret);
    END IF;
    INSERT INTO segue_hub.batches (account, machine, number, token, body)
    SELECT p_account, p_machine, p_number, p_token, p_body
    WHERE p_number = 1 OR EXISTS (
        SELECT FROM segue_hub.batches WHERE account = p_account AND machine = p_machine AND number = p_number - 1
    )
    ON CONFLICT DO NOTHING;
    IF FOUND THEN
        INSERT INTO segue_hub.machines VALUES (p_account, p_machine, p_number)
        ON CONFLICT (account, machine) DO UPDATE SET head = excluded.head;
        IF p_notify THEN
            PERFORM pg_notify('segue_' || encode(p_account, 'hex'), '');
        END IF;
        RETURN 'stored';
    END IF;
    SELECT token INTO known FROM segue_hub.batches
    WHERE account = p_account AND machine = p_machine AND number = p_number;
    RETURN CASE WHEN known IS NULL THEN 'gap' WHEN known = p_token THEN 'stored' ELSE 'taken' END;
END $$;

CREATE OR REPLACE FUNCTION segue_hub.heads(p_account bytea, p_secret bytea)
RETURNS TABLE (machine uuid, head bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM segue_hub.check_secret(p_account, p_secret);
    RETURN QUERY SELECT m.machine, m.head FROM segue_hub.machines m WHERE m.account = p_account;
END $$;

-- Return the next batches, together at most 256 KiB, or one that is larger.
CREATE OR REPLACE FUNCTION segue_hub.pull(p_account bytea, p_secret bytea, p_machine uuid, p_after bigint)
RETURNS TABLE (number bigint, token bytea, body bytea)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM segue_hub.check_secret(p_account, p_secret);
    RETURN QUERY SELECT summed.number, summed.token, summed.body
    FROM (
        SELECT next.*, sum(octet_length(next.body)) OVER (ORDER BY next.number) AS total
        FROM (
            SELECT b.number, b.token, b.body FROM segue_hub.batches b
            WHERE b.account = p_account AND b.machine = p_machine AND b.number > p_after
            ORDER BY b.number LIMIT 1000
        ) next
    ) summed
    WHERE summed.total <= 262144 OR summed.total = octet_length(summed.body)
    ORDER BY summed.number;
END $$;

CREATE OR REPLACE FUNCTION segue_hub.get(p_account bytea, p_secret bytea, p_machine uuid, p_number bigint)
RETURNS TABLE (token bytea, body bytea)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM segue_hub.check_secret(p_account, p_secret);
    RETURN QUERY SELECT b.token, b.body FROM segue_hub.batches b
    WHERE b.account = p_account AND b.machine = p_machine AND b.number = p_number;
END $$;

-- Return true if the batch has the new token afterwards. An earlier attempt may have written it.
CREATE OR REPLACE FUNCTION segue_hub.replace(
    p_account bytea, p_secret bytea, p_machine uuid, p_number bigint, p_token bytea, p_body bytea, p_old_token bytea
) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM segue_hub.check_secret(p_account, p_secret);
    UPDATE segue_hub.batches SET token = p_token, body = p_body
    WHERE account = p_account AND machine = p_machine AND number = p_number AND token IN (p_old_token, p_token);
    RETURN FOUND;
END $$;

-- 1. Register the account if it is not there, because without its row nothing would hold back a first push.
-- 2. Delete the row. Its lock waits for pushes that have begun, and the next statements see their rows.
CREATE OR REPLACE FUNCTION segue_hub.erase(p_account bytea, p_secret bytea) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM segue_hub.check_secret(p_account, p_secret);
    INSERT INTO segue_hub.accounts VALUES (p_account, sha256(p_secret)) ON CONFLICT DO NOTHING;
    DELETE FROM segue_hub.accounts WHERE account = p_account;
    DELETE FROM segue_hub.machines WHERE account = p_account;
    DELETE FROM segue_hub.batches WHERE account = p_account;
END $$;
