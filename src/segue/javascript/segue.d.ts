// Types of segue.mjs, generated from the discovery document by tests/process/docs/typescript.py.

export class SegueError extends Error {
  readonly code: number;
  readonly kind: string;
  readonly data: Record<string, unknown>;
}

export class ConnectionError extends Error {
  readonly sent: boolean;
}

export interface Options {
  socket?: string;
  timeout?: number;
  retry?: number;
}

export type MethodName = keyof Methods;
export type Params<M extends MethodName> = Methods[M]["params"];
export type Result<M extends MethodName> = Methods[M]["result"];
export type Call = { [M in MethodName]: { method: M; params?: Params<M> } }[MethodName];
export type Outcome = { result: unknown; error?: undefined } | { result?: undefined; error: SegueError };

export interface Event {
  subscription_id: string;
  cursor: string;
  kind: EventKind;
  session_id: string | null;
  at: string;
  data: Record<string, unknown>;
}

export class Client {
  readonly socket: string;
  timeout: number;
  retry: number;
  call<M extends MethodName>(method: M, params?: Params<M>): Promise<Result<M>>;
  batch(calls: Call[]): Promise<Outcome[]>;
  events(params?: Params<"events.subscribe">): AsyncGenerator<Event, void, void>;
  close(): void;
}

export function connect(options?: Options): Promise<Client>;
export function findSocket(environment?: Record<string, string | undefined>): string;

export type EventKind = "session.created" | "session.updated" | "session.ended" | "session.deleted" | "message.appended" | "message.updated" | "message.delta" | "messages.deleted" | "summary.saved" | "memory.saved" | "memory.deleted" | "bot.created" | "bot.deleted" | "reset";

export interface Methods {
  "rpc.discover": {
    params: {  };
    result: Record<string, unknown>;
  };
  "daemon.ping": {
    params: {  };
    result: "pong";
  };
  "daemon.status": {
    params: {  };
    result: DaemonStatus;
  };
  "daemon.backup": {
    params: { path: string, overwrite?: boolean };
    result: BackupResult;
  };
  "daemon.scrub": {
    params: { dry_run?: boolean };
    result: ScrubResult;
  };
  "daemon.check": {
    params: { full?: boolean };
    result: CheckResult;
  };
  "daemon.shutdown": {
    params: {  };
    result: Empty;
  };
  "session.export": {
    params: { session_id: string, cursor?: string | null };
    result: SessionExport;
  };
  "session.import": {
    params: { source: ImportSource, session: ImportedSession, messages?: Array<Draft> | null, restore?: boolean };
    result: ImportResult;
  };
  "session.restore": {
    params: { bots?: Array<Bot> | null, session?: Session | null, first_index?: number, messages?: Array<Message> | null, unindexed?: Array<number> | null, summaries?: Array<Summary> | null, memories?: Array<Memory> | null, extraction?: Extraction | null };
    result: RestoreResult;
  };
  "session.update": {
    params: { session_id: string, name?: string | null, provider?: string | null, model?: string | null, system_prompt?: string | null, working_dir?: string | null, pinned?: boolean, metadata?: Record<string, unknown> | null, project?: string | null, tags?: Array<string> | null, archived?: boolean, parent_id?: string | null, retention_days?: number | null, metadata_merge?: Record<string, unknown> | null, expected_updated_at?: string | null };
    result: Session;
  };
  "session.stats": {
    params: { since?: string | null, until?: string | null, group_by?: "day" | "model" | "month" | "project" | "tool" | "week", working_dir?: string | null, project?: string | null, source?: string | null, tz?: string };
    result: Stats;
  };
  "session.resolve": {
    params: { working_dir: string, bot_id?: string, name?: string | null, provider?: string | null, model?: string | null, system_prompt?: string | null, create?: boolean, project?: string | null, scope?: "directory" | "project", terminal?: string | null };
    result: Resolution;
  };
  "session.create": {
    params: { working_dir?: string | null, bot_id?: string, id?: string | null, name?: string | null, provider?: string | null, model?: string | null, system_prompt?: string | null, pinned?: boolean, metadata?: Record<string, unknown> | null, project?: string | null, tags?: Array<string> | null, parent_id?: string | null, retention_days?: number | null, created_at?: string | null, terminal?: string | null };
    result: Session;
  };
  "session.get": {
    params: { session_id: string };
    result: Session;
  };
  "session.list": {
    params: { working_dir?: string | null, bot_id?: string | null, status?: "active" | "completed" | "crashed" | null, id_prefix?: string | null, name_contains?: string | null, pinned?: boolean | null, order_by?: "created_at" | "last_message_at" | "updated_at", limit?: number, offset?: number, preview_chars?: number, project?: string | null, tags?: Array<string> | null, archived?: boolean | null, parent_id?: string | null, source?: string | null, metadata?: Record<string, unknown> | null, with_metadata?: boolean, cursor?: string | null, machine?: string | null };
    result: SessionPage;
  };
  "session.touch": {
    params: { session_id: string };
    result: Session;
  };
  "session.resume": {
    params: { session_id: string, working_dir?: string | null, project?: string | null, terminal?: string | null };
    result: Session;
  };
  "session.end": {
    params: { session_id: string, status?: "completed" | "crashed" };
    result: Session;
  };
  "session.attach": {
    params: { session_id: string };
    result: Session;
  };
  "session.detach": {
    params: { session_id: string };
    result: Empty;
  };
  "session.fork": {
    params: { session_id: string, upto_message_id?: number | null, name?: string | null };
    result: Session;
  };
  "session.delete": {
    params: { session_id: string };
    result: Deleted;
  };
  "session.cleanup": {
    params: { dry_run?: boolean, within_days?: number };
    result: CleanupResult;
  };
  "session.prompt": {
    params: { working_dir: string, project?: string | null, scope?: "directory" | "project", shell?: "bash" | "fish" | "plain" | "tmux" | "zsh", format?: string, name_chars?: number, terminal?: string | null };
    result: string;
  };
  "session.complete": {
    params: { prefix?: string, shell: "bash" | "fish" | "plain" | "tmux" | "zsh", limit?: number, kind?: "memory" | "method" | "session" };
    result: CompletionList;
  };
  "message.begin": {
    params: { session_id?: string | null, working_dir?: string | null, role: "assistant" | "developer" | "function" | "model" | "system" | "tool" | "user", content?: string | Array<Record<string, unknown>> | null, parts?: Array<Record<string, unknown>> | null, token_count?: number | null, input_tokens?: number | null, output_tokens?: number | null, model?: string | null, stop_reason?: string | null, response_ms?: number | null, is_summary?: boolean, metadata?: Record<string, unknown> | null, key?: string | null, expected_last_id?: number | null, bot_id?: string | null, on_key?: "conflict" | "keep" | "replace", create?: boolean | NewSession, created_at?: string | null, indexed?: boolean, project?: string | null, scope?: "directory" | "project", terminal?: string | null };
    result: Appended;
  };
  "message.delete": {
    params: { session_id: string, message_ids?: Array<number> | null, keys?: Array<string> | null };
    result: DeletedCount;
  };
  "message.delta": {
    params: { message_id: number, text: string };
    result: Empty;
  };
  "message.finish": {
    params: { message_id: number, content?: string | Array<Record<string, unknown>> | null, parts?: Array<Record<string, unknown>> | null, stop_reason?: string | null, model?: string | null, token_count?: number | null, input_tokens?: number | null, output_tokens?: number | null, response_ms?: number | null, metadata?: Record<string, unknown> | null };
    result: Message;
  };
  "message.replace": {
    params: { session_id: string, from_id?: number | null, last?: number | null, messages?: Array<Draft> | null, expected_last_id?: number | null, key?: string | null, return_removed?: boolean, create?: boolean | NewSession };
    result: MessagesReplaced;
  };
  "message.update": {
    params: { message_id: number, content?: string | Array<Record<string, unknown>> | null, parts?: Array<Record<string, unknown>> | null, metadata?: Record<string, unknown> | null, model?: string | null, stop_reason?: string | null, token_count?: number | null, input_tokens?: number | null, output_tokens?: number | null };
    result: Message;
  };
  "message.append": {
    params: { session_id?: string | null, working_dir?: string | null, role: "assistant" | "developer" | "function" | "model" | "system" | "tool" | "user", content?: string | Array<Record<string, unknown>> | null, parts?: Array<Record<string, unknown>> | null, token_count?: number | null, input_tokens?: number | null, output_tokens?: number | null, model?: string | null, stop_reason?: string | null, response_ms?: number | null, is_summary?: boolean, metadata?: Record<string, unknown> | null, key?: string | null, expected_last_id?: number | null, bot_id?: string | null, on_key?: "conflict" | "keep" | "replace", create?: boolean | NewSession, created_at?: string | null, indexed?: boolean, project?: string | null, scope?: "directory" | "project", terminal?: string | null };
    result: Appended;
  };
  "message.append_many": {
    params: { session_id: string, messages: Array<Draft>, expected_last_id?: number | null, on_key?: "conflict" | "keep" | "replace", create?: boolean | NewSession };
    result: AppendedMany;
  };
  "message.list": {
    params: { session_id?: string | null, after_id?: number | null, before_id?: number | null, since?: string | null, roles?: Array<"assistant" | "system" | "tool" | "user"> | null, limit?: number, offset?: number, order?: "asc" | "desc", keys?: Array<string> | null, key_prefix?: string | null, around_id?: number | null, text_chars?: number | null };
    result: MessagePage;
  };
  "message.get": {
    params: { message_id: number };
    result: Message;
  };
  "message.count": {
    params: { session_id: string };
    result: MessageCount;
  };
  "message.delete_before": {
    params: { session_id: string, before_id: number };
    result: DeletedCount;
  };
  "message.search": {
    params: { query: string, session_id?: string | null, working_dir?: string | null, bot_id?: string | null, role?: "assistant" | "system" | "tool" | "user" | null, since?: string | null, until?: string | null, limit?: number, offset?: number, order?: "best" | "newest" | "oldest", match?: "any" | "regex" | "substring" | "words", project?: string | null, source?: string | null, tags?: Array<string> | null, marks?: Array<string> | null, cursor?: string | null, count?: boolean };
    result: SearchPage;
  };
  "summary.save": {
    params: { session_id: string, summary: string, messages_start: number, messages_end: number, token_count: number };
    result: Summary;
  };
  "summary.latest": {
    params: { session_id: string };
    result: Summary | null;
  };
  "context.build": {
    params: { session_id: string, max_tokens?: number | null, memory_limit?: number, format?: "anthropic" | "openai" | "segue" };
    result: ConversationContext;
  };
  "memory.save": {
    params: { fact: string, category: "context" | "correction" | "decision" | "fact" | "preference", importance: number, bot_id?: string, session_id?: string | null, source_message_id?: number | null, is_manual?: boolean, supersedes?: number | null };
    result: Memory;
  };
  "memory.get": {
    params: { memory_id: number };
    result: Memory;
  };
  "memory.list": {
    params: { bot_id?: string | null, session_id?: string | null, category?: "context" | "correction" | "decision" | "fact" | "preference" | null, include_superseded?: boolean, limit?: number, offset?: number, query?: string | null };
    result: MemoryPage;
  };
  "memory.delete": {
    params: { memory_id: number };
    result: Deleted;
  };
  "memory.delete_all": {
    params: { bot_id: string };
    result: DeletedCount;
  };
  "extraction.enqueue": {
    params: { session_id: string };
    result: Extraction;
  };
  "extraction.list": {
    params: { bot_id?: string | null, include_exhausted?: boolean, limit?: number, offset?: number };
    result: ExtractionPage;
  };
  "extraction.claim": {
    params: { bot_id?: string | null, limit?: number, lease_seconds?: number };
    result: ExtractionList;
  };
  "extraction.complete": {
    params: { extraction_id: number, memories: Array<MemoryDraft> };
    result: MemoryList;
  };
  "extraction.fail": {
    params: { extraction_id: number, error: string };
    result: Extraction;
  };
  "extraction.delete": {
    params: { extraction_id: number };
    result: Deleted;
  };
  "bot.create": {
    params: { bot_id: string, name?: string | null, description?: string | null };
    result: Bot;
  };
  "bot.get": {
    params: { bot_id: string };
    result: Bot;
  };
  "bot.list": {
    params: { limit?: number, offset?: number };
    result: BotList;
  };
  "bot.delete": {
    params: { bot_id: string };
    result: BotDeleted;
  };
  "events.subscribe": {
    params: { session_id?: string | null, working_dir?: string | null, bot_id?: string | null, kinds?: Array<"bot.created" | "bot.deleted" | "memory.deleted" | "memory.saved" | "message.appended" | "message.delta" | "message.updated" | "messages.deleted" | "session.created" | "session.deleted" | "session.ended" | "session.updated" | "summary.saved"> | null, cursor?: string | null };
    result: Subscribed;
  };
  "events.unsubscribe": {
    params: { subscription_id: string };
    result: Removed;
  };
  "sync.init": {
    params: { url: string, name?: string | null };
    result: SyncInvitation;
  };
  "sync.join": {
    params: { url: string, invitation: string, name?: string | null };
    result: SyncStatus;
  };
  "sync.invite": {
    params: {  };
    result: SyncInvitation;
  };
  "sync.run": {
    params: { accept_deletions?: boolean };
    result: SyncStatus;
  };
  "sync.status": {
    params: {  };
    result: SyncStatus;
  };
  "sync.rekey": {
    params: {  };
    result: SyncRekeyed;
  };
  "sync.forget": {
    params: { machine: string };
    result: Empty;
  };
  "sync.leave": {
    params: { erase?: boolean };
    result: Empty;
  };
}

export interface Appended {
  message_id: number;
  session_id: string;
  created_at: string;
  duplicate: boolean;
  resumed: boolean;
  replaced?: boolean;
}

export interface AppendedMany {
  message_ids: Array<number>;
  session_id: string;
  duplicates: number;
  replaced: number;
}

export interface BackupResult {
  path: string;
  bytes: number;
}

export interface Bot {
  id: string;
  name: string;
  description: string | null;
  created_at: string;
}

export interface BotDeleted {
  deleted: boolean;
  sessions_deleted: number;
  memories_deleted: number;
}

export interface BotList {
  bots: Array<Bot>;
  total: number;
}

export interface CheckResult {
  ok: boolean;
  problems: Array<string>;
}

export interface CleanupResult {
  sessions_deleted: number;
  by_retention: number;
  by_max_sessions: number;
  session_ids: Array<string>;
}

export interface CleanupStatus {
  last_run_at: string | null;
  next_run_at: string | null;
  last_result: CleanupResult | null;
  waiting?: number;
}

export interface Completion {
  id: string;
  text: string;
}

export interface CompletionList {
  rows: Array<Completion>;
}

export interface ConversationContext {
  session_id: string;
  system_prompt: string | null;
  memories: Array<Memory>;
  summary: Summary | null;
  messages: Array<Message>;
  token_count: number;
  estimated: boolean;
  dropped: number;
  request?: Record<string, unknown>;
}

export interface DaemonStatus {
  version: string;
  protocol: number;
  pid: number;
  boot_id: string;
  started_at: string;
  uptime_s: number;
  socket: string;
  database: DatabaseStatus;
  clients: number;
  subscriptions: number;
  requests: number;
  errors: number;
  errors_by_kind: Record<string, number>;
  refused_clients: number;
  refused_peers: number;
  dropped_subscribers: number;
  queue_depth: number;
  writes: WriteStatus;
  reads: ReadStatus;
  process: ProcessStatus;
  cleanup: CleanupStatus;
  privacy: PrivacyStatus;
  config_changed?: boolean;
  sync?: SyncStatus | null;
  import?: ImportStatus | null;
  jobs?: Array<JobStatus>;
}

export interface DatabaseStatus {
  path: string;
  bytes: number;
  wal_bytes: number;
  schema_version: number;
  sessions: number;
  messages: number;
  last_backup_at?: string | null;
}

export interface Deleted {
  deleted: boolean;
}

export interface DeletedCount {
  deleted: number;
}

export interface Draft {
  role: "assistant" | "developer" | "function" | "model" | "system" | "tool" | "user";
  content?: string | Array<Record<string, unknown>> | null;
  parts?: Array<Record<string, unknown>> | null;
  token_count?: number | null;
  input_tokens?: number | null;
  output_tokens?: number | null;
  model?: string | null;
  stop_reason?: string | null;
  response_ms?: number | null;
  is_summary?: boolean | null;
  metadata?: Record<string, unknown> | null;
  key?: string | null;
  indexed?: boolean | null;
  created_at?: string | null;
}

export interface Empty {
}

export interface Extraction {
  id: number;
  session_id: string;
  bot_id: string;
  attempt_count: number;
  last_attempt_at: string | null;
  next_attempt_at: string;
  leased_until: string | null;
  error_message: string | null;
  created_at: string;
}

export interface ExtractionList {
  extractions: Array<Extraction>;
}

export interface ExtractionPage {
  extractions: Array<Extraction>;
  total: number;
}

export interface ImportResult {
  session_id: string;
  created: boolean;
  added: number;
  updated: number;
  unchanged: number;
}

export interface ImportSource {
  tool: string;
  id: string;
  path?: string | null;
}

export interface ImportStatus {
  state: "running" | "starting" | "waiting";
  pid: number | null;
  restarts: number;
  error: string | null;
  tools: Record<string, ToolStatus>;
}

export interface ImportedSession {
  bot_id?: string | null;
  working_dir?: string | null;
  project?: string | null;
  name?: string | null;
  provider?: string | null;
  model?: string | null;
  system_prompt?: string | null;
  created_at?: string | null;
  parent?: string | null;
  tags?: Array<string> | null;
  metadata?: Record<string, unknown> | null;
  status?: "active" | "completed" | "crashed" | null;
  ended_at?: string | null;
  archived?: boolean | null;
}

export interface JobStatus {
  job: string;
  step: string;
  done: number;
  total: number | null;
  unit: string;
}

export interface Memory {
  id: number;
  bot_id: string;
  session_id: string | null;
  fact: string;
  category: "context" | "correction" | "decision" | "fact" | "preference";
  importance: number;
  source_message_id: number | null;
  superseded_by: number | null;
  is_manual: boolean;
  created_at: string;
  duplicate?: boolean;
}

export interface MemoryDraft {
  fact: string;
  category: "context" | "correction" | "decision" | "fact" | "preference";
  importance: number;
  source_message_id?: number | null;
  is_manual?: boolean | null;
  supersedes?: number | null;
}

export interface MemoryList {
  memories: Array<Memory>;
}

export interface MemoryPage {
  memories: Array<Memory>;
  total: number;
}

export interface Message {
  id: number;
  session_id: string;
  role: "assistant" | "system" | "tool" | "user";
  content: string;
  parts: Array<Record<string, unknown>> | null;
  token_count: number | null;
  input_tokens: number | null;
  output_tokens: number | null;
  model: string | null;
  stop_reason: string | null;
  response_ms: number | null;
  is_summary: boolean;
  key: string | null;
  metadata: Record<string, unknown>;
  created_at: string;
  updated_at: string | null;
  state: "complete" | "interrupted" | "streaming";
  cut?: Record<string, number>;
  machine?: string;
}

export interface MessageCount {
  count: number;
}

export interface MessagePage {
  messages: Array<Message>;
  has_more: boolean;
  first_index?: number | null;
  total?: number;
}

export interface MessagesReplaced {
  removed: number;
  removed_messages?: Array<Message>;
  message_ids: Array<number>;
  last_id: number;
}

export interface NewSession {
  working_dir?: string | null;
  bot_id?: string | null;
  name?: string | null;
  provider?: string | null;
  model?: string | null;
  system_prompt?: string | null;
  pinned?: boolean | null;
  metadata?: Record<string, unknown> | null;
  project?: string | null;
  tags?: Array<string> | null;
  parent_id?: string | null;
  retention_days?: number | null;
  created_at?: string | null;
}

export interface PrivacyStatus {
  redact: boolean;
  redacted: Record<string, number>;
  deleted_remains: boolean;
}

export interface ProcessStatus {
  tasks: number;
  threads: number;
  peak_memory_bytes: number;
}

export interface ReadStatus {
  running: number;
  waiting: number;
  oldest_ms: number | null;
}

export interface Removed {
  removed: boolean;
}

export interface Resolution {
  session: Session | null;
  resumed: boolean;
  reason: "ended" | "expired" | "none" | "recent";
  idle_seconds: number | null;
  previous: string | null;
  others: number;
}

export interface RestoreResult {
  session_id: string | null;
  created: boolean;
  message_ids: Array<number>;
  memory_ids: Array<number>;
}

export interface ScrubResult {
  dry_run: boolean;
  found: Record<string, number>;
  rows: Record<string, number>;
  session_ids: Array<string>;
  message_ids: Array<number>;
  memory_ids: Array<number>;
  wiped: boolean | null;
}

export interface SearchHit {
  message_id: number;
  session_id: string;
  session_name: string | null;
  working_dir: string | null;
  role: "assistant" | "system" | "tool" | "user";
  created_at: string;
  snippet: string;
  score: number;
  matched: Array<string>;
  source?: string;
  machine?: string;
}

export interface SearchPage {
  hits: Array<SearchHit>;
  total: number | null;
  sessions: Array<SessionSummary>;
  suggestions: Array<string>;
  next_cursor: string | null;
}

export interface Session {
  id: string;
  bot_id: string;
  working_dir: string | null;
  name: string | null;
  provider: string | null;
  model: string | null;
  system_prompt: string | null;
  status: "active" | "completed" | "crashed";
  pinned: boolean;
  metadata: Record<string, unknown>;
  created_at: string;
  updated_at: string;
  last_message_at: string;
  ended_at: string | null;
  message_count: number;
  input_tokens: number;
  output_tokens: number;
  project: string | null;
  tags: Array<string>;
  archived: boolean;
  parent_id: string | null;
  source: Source | null;
  retention_days: number | null;
  machine?: string;
}

export interface SessionExport {
  session: Session;
  messages: Array<Message>;
  summaries: Array<Summary>;
  memories: Array<Memory>;
  unindexed: Array<number>;
  extraction: Extraction | null;
  activity: number;
  next_cursor: string | null;
}

export interface SessionPage {
  sessions: Array<SessionSummary>;
  total: number;
  next_cursor: string | null;
}

export interface SessionSummary {
  id: string;
  bot_id: string;
  working_dir: string | null;
  name: string | null;
  provider: string | null;
  model: string | null;
  status: "active" | "completed" | "crashed";
  pinned: boolean;
  created_at: string;
  updated_at: string;
  last_message_at: string;
  ended_at: string | null;
  message_count: number;
  input_tokens: number;
  output_tokens: number;
  preview: string | null;
  project: string | null;
  tags: Array<string>;
  archived: boolean;
  parent_id: string | null;
  source: Source | null;
  retention_days: number | null;
  machine?: string;
  metadata?: Record<string, unknown>;
}

export interface Source {
  tool: string;
  id: string;
  path?: string | null;
}

export interface Stats {
  rows: Array<StatsRow>;
  total: StatsTotal;
  has_more: boolean;
}

export interface StatsRow {
  key: string | null;
  sessions: number;
  messages: number;
  user_messages: number;
  tool_calls: number;
  input_tokens: number;
  output_tokens: number;
}

export interface StatsTotal {
  sessions: number;
  messages: number;
  user_messages: number;
  tool_calls: number;
  input_tokens: number;
  output_tokens: number;
}

export interface Subscribed {
  subscription_id: string;
  cursor: string;
}

export interface Summary {
  id: number;
  session_id: string;
  summary: string;
  messages_start: number;
  messages_end: number;
  token_count: number;
  created_at: string;
}

export interface SyncInvitation {
  invitation: string;
}

export interface SyncMachine {
  id: string;
  name: string;
  here: boolean;
  batches: number;
  behind: number;
  seen_at: string | null;
  forgotten: boolean;
  old_key: boolean;
}

export interface SyncRekeyed {
  invitation: string;
  machines: Array<string>;
  problems: Array<string>;
}

export interface SyncStatus {
  url: string;
  name: string;
  synced_at: string | null;
  unsent_messages: number;
  unsent_changes: number;
  waiting_deletions: number;
  clock_error_ms: number | null;
  error: string | null;
  problems: Array<string>;
  machines: Array<SyncMachine>;
}

export interface ToolStatus {
  sessions: number;
  last_seen_at: string | null;
  lag_ms: number | null;
  errors: Array<string>;
  error_count: number;
}

export interface WriteStatus {
  committed: number;
  slowest_ms: number;
  slowest_recent_ms: number;
}
