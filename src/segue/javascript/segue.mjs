/**
 * A client of segued for Node.js 18 or newer, without dependencies.
 *
 *     import { connect } from "./segue.mjs";
 *     const client = await connect();
 *     const session = await client.call("session.create", { working_dir: "/home/ada/proj" });
 *     for await (const event of client.events({ session_id: session.id })) console.log(event.kind);
 */
import { lstatSync, readFileSync, statSync } from "node:fs";
import { createConnection } from "node:net";
import { homedir } from "node:os";
import { dirname, join } from "node:path";

const TIMEOUT_MS = 30_000;
const RETRY_MS = 10_000;
const PAUSE_MS = 100;
const MAX_EVENTS = 1000;
const LF = 0x0a;

/** The methods that change nothing, so that a client may repeat them after a lost connection. */
const READS = new Set([
  "bot.get", "bot.list", "context.build", "daemon.ping", "daemon.status", "events.subscribe", "extraction.list",
  "memory.get", "memory.list", "message.count", "message.get", "message.list", "message.search", "rpc.discover",
  "session.complete", "session.export", "session.get", "session.list", "session.prompt", "session.stats",
  "summary.latest",
]);

/** An error that the daemon returned. `kind` is stable; `data` depends on it. */
export class SegueError extends Error {
  constructor({ code, message, data = {} }) {
    super(message);
    this.name = "SegueError";
    this.code = code;
    this.kind = data?.kind ?? "unknown";
    this.data = data ?? {};
  }
}

/** An error without a response. `sent` is true if the daemon may have executed the request. */
export class ConnectionError extends Error {
  constructor(message, { sent = false } = {}) {
    super(message);
    this.name = "ConnectionError";
    this.sent = sent;
  }
}

/** Return the path of the daemon's socket: SEGUE_SOCKET, else the record beside the database, else the default. */
export function findSocket(environment = process.env) {
  if (environment.SEGUE_SOCKET) return environment.SEGUE_SOCKET;
  const macos = process.platform === "darwin";
  const home = environment.HOME || homedir();
  const data = macos
    ? join(home, "Library", "Application Support", "segue")
    : join(environment.XDG_DATA_HOME || join(home, ".local", "share"), "segue");
  const recorded = readRecord(environment.SEGUE_DATABASE || join(data, "sessions.db"));
  if (recorded !== undefined) return recorded;
  const runtime = macos ? undefined : environment.XDG_RUNTIME_DIR;
  return runtime && isPrivateDirectory(runtime) ? join(runtime, "segue", "segued.sock") : join(data, "run", "segued.sock");
}

/** Open a connection. `socket` defaults to `findSocket()`; `timeout` and `retry` are milliseconds. */
export async function connect({ socket = findSocket(), timeout = TIMEOUT_MS, retry = RETRY_MS } = {}) {
  const client = new Client(socket, timeout, retry);
  await client._open();
  return client;
}

/** A client of the daemon, for any number of concurrent calls. `connect` makes one. */
export class Client {
  constructor(socket, timeout, retry) {
    this.socket = socket;
    this.timeout = timeout;
    this.retry = retry;
    this._closed = false;
    this._connection = undefined;
  }

  /** Call a method and return its result. Reads, and appends with a key, are repeated if the connection is lost. */
  async call(method, params = {}) {
    return this._retry(canRepeat(method, params), (connection) => connection.request(method, params));
  }

  /** Send several calls in one batch. Each item of the result is `{ result }` or `{ error }`. */
  async batch(calls) {
    if (calls.length === 0) return [];
    const repeatable = calls.every(({ method, params }) => canRepeat(method, params));
    return this._retry(repeatable, (connection) => connection.batch(calls));
  }

  /**
   * Yield events without end. `params` are those of `events.subscribe`. After a restart of the daemon the client
   * subscribes again; an event of kind `reset` says that events are missing.
   */
  async *events(params = {}) {
    let cursor = params.cursor;
    while (!this._closed) {
      try {
        const connection = await this._open();
        const subscription = await connection.request("events.subscribe", { ...params, cursor });
        cursor ??= subscription.cursor;
        try {
          for (;;) {
            const event = await connection.nextEvent(subscription.subscription_id);
            cursor = event.cursor;
            yield event;
          }
        } finally {
          connection.unsubscribe(subscription.subscription_id);
        }
      } catch (error) {
        if (this._closed || !isTransient(error)) throw error;
        await sleep(PAUSE_MS);
      }
    }
  }

  /** Close the connection for good. Pending calls are rejected. */
  close() {
    this._closed = true;
    this._connection?.then((connection) => connection.fail("this client is closed"), () => {});
  }

  async _retry(repeatable, send) {
    const deadline = Date.now() + this.retry;
    for (;;) {
      try {
        return await send(await this._open());
      } catch (error) {
        const again = isTransient(error) && (repeatable || error.kind === "shutting_down");
        if (this._closed || !again || Date.now() >= deadline) throw error;
        await sleep(PAUSE_MS);
      }
    }
  }

  async _open() {
    if (this._closed) throw new ConnectionError("this client is closed");
    if (this._connection !== undefined) {
      const connection = await this._connection.catch(() => undefined);
      if (connection !== undefined && connection.failure === undefined) return connection;
    }
    this._connection = openConnection(this.socket, this.timeout);
    this._connection.catch(() => {});
    return this._connection;
  }
}

/** One connection: responses are matched by ID, and events by subscription. */
class Connection {
  constructor(stream, timeout) {
    this.failure = undefined;
    this._stream = stream;
    this._timeout = timeout;
    this._id = 0;
    this._pending = new Map();
    this._subscriptions = new Map();
    this._parts = [];
    stream.on("data", (chunk) => this._receive(chunk));
    stream.on("error", (error) => this.fail(error.message));
    stream.on("close", () => this.fail("the daemon closed the connection"));
  }

  request(method, params) {
    const id = ++this._id;
    const line = encode({ jsonrpc: "2.0", method, params, id });
    return this._send(line, [id]).then(([answer]) => unwrap(answer));
  }

  async batch(calls) {
    const requests = calls.map(({ method, params = {} }) => ({ jsonrpc: "2.0", method, params, id: ++this._id }));
    const answers = await this._send(encode(requests), requests.map(({ id }) => id));
    return answers.map(({ result, error }) => (error === undefined ? { result } : { error: new SegueError(error) }));
  }

  nextEvent(id) {
    const subscription = this._subscriptions.get(id);
    if (subscription.events.length > 0) return Promise.resolve(subscription.events.shift());
    if (this.failure !== undefined) return Promise.reject(this.failure);
    return new Promise((resolve, reject) => Object.assign(subscription, { resolve, reject }));
  }

  unsubscribe(id) {
    this._subscriptions.delete(id);
    if (this.failure === undefined) this.request("events.unsubscribe", { subscription_id: id }).catch(() => {});
  }

  fail(reason) {
    if (this.failure !== undefined) return;
    this.failure = new ConnectionError(reason, { sent: this._pending.size > 0 });
    this._stream.destroy();
    for (const pending of new Set(this._pending.values())) pending.reject(this.failure);
    for (const { reject } of this._subscriptions.values()) reject?.(this.failure);
    this._pending.clear();
  }

  _send(line, ids) {
    if (this.failure !== undefined) return Promise.reject(this.failure);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        for (const id of ids) this._pending.set(id, { drop: true, add() {}, reject() {} });
        reject(new ConnectionError(`no response within ${this._timeout} ms`, { sent: true }));
      }, this._timeout);
      const answers = new Map();
      const finish = (settle) => (value) => (clearTimeout(timer), settle(value));
      const pending = {
        reject: finish(reject),
        add: (answer) => {
          answers.set(answer.id, answer);
          if (answers.size === ids.length) finish(resolve)(ids.map((id) => answers.get(id)));
        },
      };
      for (const id of ids) this._pending.set(id, pending);
      this._stream.write(line);
    });
  }

  _receive(chunk) {
    let start = 0;
    for (let end = chunk.indexOf(LF); end >= 0; end = chunk.indexOf(LF, start)) {
      this._parts.push(chunk.subarray(start, end));
      const line = Buffer.concat(this._parts).toString("utf8").trim();
      this._parts = [];
      start = end + 1;
      if (line !== "") this._take(line);
    }
    if (start < chunk.length) this._parts.push(chunk.subarray(start));
  }

  _take(line) {
    let message;
    try {
      message = JSON.parse(line);
    } catch {
      return this.fail("the peer sent something other than JSON");
    }
    for (const one of Array.isArray(message) ? message : [message]) {
      if (one.method === "event") this._takeEvent(one.params);
      else if (one.method === undefined) this._takeAnswer(one);
    }
  }

  _takeAnswer(answer) {
    // An error without an ID, such as `overloaded`, belongs to the oldest request.
    const oldest = answer.id ?? this._pending.keys().next().value;
    const pending = this._pending.get(oldest);
    if (pending === undefined) return;
    this._pending.delete(oldest);
    // The events of a subscription follow its response directly, so the queue must exist before them.
    const subscription = answer.result?.subscription_id;
    if (typeof subscription === "string") this._subscriptions.set(subscription, { events: [] });
    if (answer.id === null && answer.error !== undefined) pending.reject(new SegueError(answer.error));
    else pending.add(answer);
  }

  _takeEvent(event) {
    const subscription = this._subscriptions.get(event.subscription_id);
    if (subscription === undefined) return;
    if (subscription.resolve !== undefined) {
      const { resolve } = subscription;
      subscription.resolve = subscription.reject = undefined;
      return resolve(event);
    }
    if (subscription.events.length >= MAX_EVENTS) {
      subscription.events = [];
      event = { ...event, kind: "reset", session_id: null, data: {} };
    }
    subscription.events.push(event);
  }
}

function openConnection(path, timeout) {
  return new Promise((resolve, reject) => {
    try {
      checkSocket(path);
    } catch (error) {
      reject(error);
      return;
    }
    const stream = createConnection(path);
    const timer = setTimeout(() => stream.destroy(new Error(`no connection within ${timeout} ms`)), timeout);
    const refuse = (error) => {
      clearTimeout(timer);
      reject(new ConnectionError(`no daemon at ${path} (${error.message}); start one with: segue start`));
    };
    stream.once("error", refuse);
    stream.once("connect", () => {
      clearTimeout(timer);
      stream.off("error", refuse);
      resolve(new Connection(stream, timeout));
    });
  });
}

/** Throw unless the path is a socket that belongs to this user and that no other user can open. */
function checkSocket(path) {
  let found;
  try {
    found = lstatSync(path);
  } catch (error) {
    throw new ConnectionError(`no daemon at ${path} (${error.code}); start one with: segue start`);
  }
  if (!found.isSocket()) throw new TypeError(`${path} is not a socket`);
  if (found.uid !== process.getuid()) throw new TypeError(`${path} belongs to user ${found.uid}`);
  if (found.mode & 0o077) throw new TypeError(`others can open ${path} (mode ${(found.mode & 0o777).toString(8)})`);
}

function readRecord(database) {
  const path = join(dirname(database), "daemon.json");
  try {
    const found = lstatSync(path);
    if (!found.isFile() || found.uid !== process.getuid() || found.mode & 0o077) return undefined;
    const record = JSON.parse(readFileSync(path, "utf8"));
    lstatSync(record.socket);
    return record.database === undefined || record.database === database ? record.socket : undefined;
  } catch {
    return undefined;
  }
}

function isPrivateDirectory(path) {
  try {
    const found = statSync(path);
    return found.isDirectory() && found.uid === process.getuid() && (found.mode & 0o777) === 0o700;
  } catch {
    return false;
  }
}

function canRepeat(method, params = {}) {
  if (READS.has(method) || method === "session.import") return true; // All messages of an import have keys.
  if (method === "session.resolve") return params.create === false;
  if (["message.append", "message.begin", "message.replace"].includes(method)) return params.key != null;
  return method === "message.append_many" && params.messages.every(({ key }) => key != null);
}

function isTransient(error) {
  return error instanceof ConnectionError || error.kind === "shutting_down";
}

function unwrap({ result, error }) {
  if (error !== undefined) throw new SegueError(error);
  return result;
}

/** Return the line of a request. JSON has no NaN, and UTF-8 has no unpaired surrogates. */
function encode(value) {
  const line = JSON.stringify(value, (name, member) => {
    if (typeof member === "number" && !Number.isFinite(member)) throw new TypeError(`${name} is ${member}`);
    return typeof member === "string" ? Buffer.from(member, "utf8").toString("utf8") : member;
  });
  return `${line}\n`;
}

function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
