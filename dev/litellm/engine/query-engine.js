#!/usr/bin/env node
'use strict';
// A drop-in for Prisma's native `query-engine` binary, for machines that cannot download it.
//
//   prisma-client-py --HTTP, GraphQL text--> this file --JSON protocol--> Prisma's own query engine
//   (the WASM build that npm's @prisma/client ships) --driver adapter--> pg --> PostgreSQL
//
// Everything Prisma means by a query (validation, SQL, defaults, relations, P2002 and friends) is
// the real engine. Only the three edges are ours: graphqlToJson(), untag() and the driver adapter.

const ENGINE_COMMIT = '393aa359c9ad4a4bb28630fb5613f9c281cde053'; // of Prisma 5.17.0
const argv = process.argv.slice(2);
if (argv.includes('--version') || argv.includes('-v')) {
  console.log(`query-engine ${ENGINE_COMMIT}`);
  process.exit(0);
}

const fs = require('fs');
const http = require('http');
const pg = require('pg');

// ---------------------------------------------------------------- GraphQL text -> JSON protocol
// prisma-client-py renders one operation per document, always aliased `result:`, and renders every
// scalar with json.dumps. So string and number tokens are already JSON and are copied verbatim:
// no 64-bit integer is ever rounded, and no GraphQL library is needed. Commas are white space.

const TOKEN = /[\s,]*(?:([A-Za-z_]\w*)|("(?:[^"\\]|\\.)*")|(-?\d[\d.eE+-]*)|([{}()[\]:]))/y;
const ROOT = /^(find(?:Unique|First|Many)|(?:create|update|delete|upsert)(?:One|Many)|aggregate|groupBy)(\w+?)(OrThrow)?$/;

// The two protocols disagree about one type. A string given for a Json field is JSON text in GraphQL,
// but in the JSON protocol it is a JSON *string*; JSON text must be tagged there. So the translator
// has to know which input fields are Json, and follows relations to know which model it is in.
const models = {}; // model -> field -> type, from schema.prisma
function readSchema(schema) {
  for (const [, model, body] of schema.matchAll(/^model (\w+) \{\n([^]*?)^\}/gm)) {
    models[model] = Object.fromEntries([...body.matchAll(/^\s+(\w+)\s+(\w+)/gm)].map(([, field, type]) => [field, type]));
  }
}
const TYPED_ARGUMENTS = new Set(['data', 'create', 'update', 'where']);
const NOT_JSON = /^(path|mode|string_\w+)$/; // in a filter on a Json field, these are plain strings

function graphqlToJson(text) {
  let name, string, number, punct;
  function next() {
    const match = TOKEN.exec(text);
    if (match) [, name, string, number, punct] = match;
    else name = string = number = punct = undefined; // end of text, or something we do not speak
  }
  function expect(p) {
    if (punct !== p) throw new Error(`expected '${p}' before offset ${TOKEN.lastIndex}: ${text.slice(0, 300)}`);
    next();
  }
  function pairs(close, typeOf) { // after the opening bracket: `key: value ...`, as a JSON object
    const out = [];
    while (punct !== close) {
      const key = name;
      if (!key) expect(close);
      next();
      expect(':');
      out.push(`"${key}":${value(typeOf(key))}`);
    }
    next();
    return `{${out.join()}}`;
  }
  function value(type) { // type: a model's name, 'Json', or anything else
    const literal = string ?? number ?? (/^(true|false|null)$/.test(name) ? name : name && `"${name}"`);
    if (literal !== undefined) {
      const json = type === 'Json' && string !== undefined;
      next();
      return json ? `{"$type":"Json","value":${literal}}` : literal;
    }
    if (punct === '{') {
      next();
      if (type === 'Json') return pairs('}', (key) => (NOT_JSON.test(key) ? undefined : type));
      return pairs('}', (key) => models[type]?.[key] ?? type); // an unknown key (AND, connect, ...) stays in the model
    }
    expect('[');
    const out = [];
    while (punct !== ']') out.push(value(type));
    next();
    return `[${out.join()}]`;
  }
  function args(model) {
    if (punct !== '(') return '{}';
    next();
    return pairs(')', (key) => (TYPED_ARGUMENTS.has(key) ? model : undefined));
  }
  function selection(model) {
    if (punct !== '{') return '{}';
    next();
    const out = [];
    while (punct !== '}') {
      const key = name;
      if (!key) expect('}');
      next();
      const nested = punct === '(' || punct === '{';
      const type = models[model]?.[key];
      out.push(`"${key}":${nested ? `{"arguments":${args(type)},"selection":${selection(type)}}` : 'true'}`);
    }
    next();
    return `{${out.join()}}`;
  }

  TOKEN.lastIndex = 0;
  next(); // query | mutation
  next();
  expect('{');
  next(); // the alias, always `result`
  expect(':');
  const root = name;
  next();
  const [, action, model, orThrow] = ROOT.exec(root) ?? [, root]; // queryRaw and executeRaw have no model
  const query = `{"arguments":${args(model)},"selection":${selection(model)}}`;
  expect('}');
  return `{${model ? `"modelName":"${model}",` : ''}"action":"${action}${orThrow ?? ''}","query":${query}}`;
}

// ---------------------------------------------------------------- JSON protocol -> what Python expects
// The JSON protocol tags rich scalars ({"$type":"DateTime","value":...}); the GraphQL protocol does
// not: DateTime, BigInt, Json and Bytes are plain strings there, Decimal is a number.

function untag(v) {
  if (v === null || typeof v !== 'object') return v;
  if (Array.isArray(v)) return v.map(untag);
  if ('$type' in v) return v.$type === 'Decimal' ? Number(v.value) : untag(v.value);
  for (const key in v) v[key] = untag(v[key]);
  return v;
}

// Raw rows carry no $type tags, but since Prisma 5.14 they come as {columns, types, rows};
// prisma-client-py 0.11.0 reads the older [{column: {prisma__type, prisma__value}}].
function rawRows({ columns, types, rows }) {
  const cell = (type, v) => ({ prisma__type: v === null ? 'null' : type, prisma__value: v });
  const rich = (type, v) => (type.endsWith('-array') && v !== null
    ? cell('array', v.map((item) => cell(type.slice(0, -6), item)))
    : cell(type, v));
  return rows.map((row) => Object.fromEntries(row.map((v, i) => [columns[i], rich(types[i], v)])));
}

function reply(response) { // {data: {findManyX: ...}} -> {data: {result: ...}}
  if (response.batchResult) response.batchResult.forEach(reply);
  if (response.data) {
    const [[action, value]] = Object.entries(response.data);
    response.data = { result: action === 'queryRaw' ? rawRows(value) : untag(value) };
  }
  for (const error of response.errors ?? []) restoreConnectionError(error);
  return response;
}

// ---------------------------------------------------------------- driver adapter over pg
// Column types by PostgreSQL OID, as the engine numbers them, with pg's parsers replaced where the
// engine wants the server's own text. Anything not listed (name, regclass, enums, ...) is text.

const text = (s) => s;
const bytes = (s) => [...Buffer.from(s.slice(2), 'hex')];
const COLUMN = new Map([
  [21, [0, Number]], [23, [0, Number]], [20, [1, text]], [26, [1, text]], [700, [2, Number]], [701, [3, Number]],
  [1700, [4, text]], [16, [5, (s) => s === 't']], [1082, [8, text]], [1083, [9, text]], [1266, [9, zoneless]],
  [1114, [10, text]], [1184, [10, zoneless]], [114, [11, text]], [3802, [11, text]], [17, [13, bytes]], [2950, [15, text]],
  [2278, [7, () => null]], // void
]);
const ARRAY_OF = { 1005: 21, 1007: 23, 1016: 20, 1021: 700, 1022: 701, 1231: 1700, 1000: 16, 1182: 1082, 1183: 1083,
  1115: 1114, 1185: 1184, 199: 114, 3807: 3802, 1001: 17, 2951: 2950, 1009: 25, 1015: 25, 1014: 25 };
for (const [array, of] of Object.entries(ARRAY_OF)) {
  const [type, parse] = COLUMN.get(of) ?? [7, text];
  COLUMN.set(Number(array), [type + 64, (s) => pg.types.arrayParser.create(s, parse).parse()]);
}
function zoneless(s) { // the session runs in UTC, so the offset is always +00
  return s.replace(/\+00$/, '');
}
const column = (oid) => COLUMN.get(oid) ?? [7, text];
const types = { getTypeParser: (oid) => column(oid)[1] };

const ok = (value) => ({ ok: true, value, map: (fn) => ok(fn(value)), flatMap: (fn) => fn(value) });
const err = (error) => ({ ok: false, error, map: () => err(error), flatMap: () => err(error) });

// Errors which did not come from the server (refused, terminated, pool timeout) can only be handed
// to the engine by number; restoreConnectionError() turns its P2036 back into what the native engine says.
const lost = [];
function capture(error) {
  if (typeof error.severity === 'string' && typeof error.code === 'string') {
    const { code, severity, message, detail, column, hint } = error;
    return err({ kind: 'Postgres', code, severity, message, detail, column, hint });
  }
  lost[lost.length] = error;
  return err({ kind: 'GenericJs', id: lost.length - 1 });
}
function restoreConnectionError(e) {
  const facing = e.user_facing_error;
  const cause = facing?.error_code === 'P2036' && lost[facing.meta?.id];
  if (!cause) return;
  delete lost[facing.meta.id];
  const pool = /timeout/.test(cause.message);
  facing.error_code = pool ? 'P2024' : 'P1001';
  facing.message = pool
    ? 'Timed out fetching a new connection from the connection pool.'
    : `Can't reach database server at \`${url.hostname}:${url.port || 5432}\``;
  e.error = `${facing.message} (${cause.message})`;
}

const run = (client, { sql, args }) => client.query({ text: sql, values: args, rowMode: 'array', types });
const queryable = (client) => ({
  provider: 'postgres',
  adapterName: '@prisma/adapter-pg',
  queryRaw: (query) => run(client, query).then(({ fields, rows }) => ok({
    columnNames: fields.map((f) => f.name),
    columnTypes: fields.map((f) => column(f.dataTypeID)[0]),
    rows,
  })).catch(capture),
  executeRaw: (query) => run(client, query).then((r) => ok(r.rowCount ?? 0)).catch(capture),
});

function adapter(pool, schemaName) {
  return {
    ...queryable(pool),
    getConnectionInfo: () => ok({ schemaName }),
    startTransaction: () => pool.connect().then((client) => {
      const release = () => Promise.resolve(ok(client.release()));
      // The engine itself sends BEGIN, COMMIT and ROLLBACK.
      return ok({ ...queryable(client), options: { usePhantomQuery: false }, commit: release, rollback: release });
    }).catch(capture),
  };
}

// ---------------------------------------------------------------- the engine and its HTTP face

const overrides = JSON.parse(process.env.OVERWRITE_DATASOURCES ?? '[]');
const url = new URL(overrides[0]?.url ?? process.env.DATABASE_URL);
const setting = (key, fallback) => url.searchParams.get(key) ?? fallback;
const pool = new pg.Pool({
  host: url.hostname,
  port: Number(url.port || 5432),
  user: decodeURIComponent(url.username),
  password: decodeURIComponent(url.password),
  database: decodeURIComponent(url.pathname.slice(1)),
  options: `${setting('options', '')} -c timezone=UTC`.trim(),
  max: Number(setting('connection_limit', 5)),
  connectionTimeoutMillis: 1000 * Number(setting('pool_timeout', 10)),
});
pool.on('error', () => {}); // an idle connection died: the pool has dropped it already
pool.on('connect', (client) => client.on('error', () => {}));

async function createEngine() {
  const glue = require('@prisma/client/runtime/query_engine_bg.postgresql.js');
  const wasm = fs.readFileSync(require.resolve('@prisma/client/runtime/query_engine_bg.postgresql.wasm'));
  const { instance } = await WebAssembly.instantiate(wasm, { './query_engine_bg.js': glue });
  glue.__wbg_set_wasm(instance.exports);
  const datamodel = fs.readFileSync(process.env.PRISMA_DML_PATH, 'utf8');
  readSchema(datamodel);
  const engine = new glue.QueryEngine({
    datamodel,
    env: process.env,
    logQueries: false,
    ignoreEnvVarErrors: true,
    datasourceOverrides: {},
    logLevel: 'error',
    configDir: process.cwd(),
    engineProtocol: 'json',
  }, () => {}, adapter(pool, setting('schema', 'public')));
  await engine.connect('{}');
  return engine;
}

// The transaction endpoints answer with a bare error object, and the native engine's own status codes.
const TX_STATUS = [[/Unable to start/, 504], [/not found/, 404], [/closed|expired/, 422]];
function transaction(result) {
  const error = result && JSON.parse(result);
  if (!error?.error_code) return [200, result || '{}'];
  restoreConnectionError({ user_facing_error: error });
  return [TX_STATUS.find(([pattern]) => pattern.test(error.message))?.[1] ?? 500, JSON.stringify(error)];
}

const TRACE = '{}';
async function handle(engine, { method, url: path, headers }, body) {
  if (path === '/status') return [200, '{"status":"ok"}'];
  if (path.startsWith('/metrics')) return [200, '{"counters":[],"gauges":[],"histograms":[]}'];
  if (path === '/transaction/start') return transaction(await engine.startTransaction(body, TRACE));
  const end = /^\/transaction\/([^/]+)\/(commit|rollback)$/.exec(path);
  if (end) return transaction(await engine[`${end[2]}Transaction`](end[1], TRACE));
  if (method !== 'POST' || path !== '/') throw new Error(`no such endpoint: ${method} ${path}`);

  const request = JSON.parse(body);
  const query = request.batch
    ? `{"batch":[${request.batch.map((q) => graphqlToJson(q.query)).join()}],"transaction":${request.transaction ? '{}' : null}}`
    : graphqlToJson(request.query);
  if (process.env.QUERY_ENGINE_TRACE) console.error(query);
  const response = reply(JSON.parse(await engine.query(query, TRACE, headers['x-transaction-id'])));
  return [200, JSON.stringify(response)];
}

async function main() {
  process.title = 'query-engine'; // LiteLLM's supervisor looks for this name when a worker dies
  const parent = process.ppid;
  setInterval(() => process.ppid === parent || process.exit(0), 1000).unref(); // never outlive the proxy
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(0));

  const engine = await createEngine();
  const server = http.createServer((request, response) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk)).on('end', async () => {
      let status = 500;
      let out;
      try {
        [status, out] = await handle(engine, request, Buffer.concat(chunks).toString());
      } catch (error) {
        out = JSON.stringify({ error: String(error?.message ?? error) });
        console.error('query-engine:', error);
      }
      response.writeHead(status, { 'content-type': 'application/json' }).end(out);
    });
  });
  server.keepAliveTimeout = 600_000; // the Python client pools its connections
  server.listen(Number(argv[argv.indexOf('-p') + 1]), '127.0.0.1');
}

if (require.main === module) {
  main().catch((error) => {
    console.error('query-engine:', error);
    process.exit(1);
  });
}
module.exports = { readSchema, graphqlToJson, untag };
