// The payloads of record-v1.md, sections 5 to 7, as checks. A check gets a value and a name for complaints.
import { hex, require } from './bytes.js'

const many = (items, same) => new Set(items.map(same)).size === items.length

export const text = most => (value, name) =>
  require(typeof value === 'string' && [...value].length <= most, `${name}: not text of at most ${most} characters`)

export const bytes = length => (value, name) =>
  require(value instanceof Uint8Array && value.length === length, `${name}: not ${length} bytes`)

export const integer = (least, most) => (value, name) =>
  require(typeof value === 'bigint' && value >= least && value <= most, `${name}: not an integer in range`)

export const optional = check => (value, name) => value === null || check(value, name)

export const oneOf = (...values) => (value, name) => require(values.includes(value), `${name}: not one of ${values}`)

export const id = bytes(32)

export const float = (value, name) => require(typeof value === 'number', `${name}: not a float`)

export const boolean = (value, name) => require(typeof value === 'boolean', `${name}: not a boolean`)

export const anyMap = (value, name) => require(value instanceof Map, `${name}: not a map`)

export const list = (least, most, check, same) => (value, name) => {
  require(Array.isArray(value) && value.length >= least && value.length <= most, `${name}: not an array in range`)
  value.forEach((item, i) => check(item, `${name}[${i}]`))
  require(!same || many(value, same), `${name}: something occurs twice`)
}

// A map with exactly these keys, and perhaps a condition on all of them.
export const fields = (checks, condition) => (value, name) => {
  anyMap(value, name)
  for (const key of value.keys()) require(Object.hasOwn(checks, key), `${name}: unknown key ${key}`)
  for (const [key, check] of Object.entries(checks)) {
    require(value.has(key), `${name}: ${key} is missing`)
    check(value.get(key), `${name}.${key}`)
  }
  if (condition) require(condition(Object.fromEntries(value)), `${name}: its fields do not agree`)
}

const MEASUREMENT = fields({
  seeds: list(0, 256, integer(0n, 2n ** 63n - 1n), String),
  candidate: list(0, 256, optional(float)),
  opponent: list(0, 256, optional(float)),
  stable: list(0, 256, boolean),
  environment: text(120),
  calibration: float,
  sandbox: text(32),
  cost_ms: integer(0n, 2n ** 53n)
}, m => new Set([m.seeds, m.candidate, m.opponent, m.stable].map(array => array.length)).size === 1)

const MANIFEST = fields({
  name: text(64),
  version: integer(1n, 2n ** 31n),
  question: text(400),
  metric: text(64),
  direction: oneOf('min', 'max'),
  data: id,
  budget: anyMap,
  reference: anyMap,
  space: anyMap,
  tolerance: oneOf('D0', 'D1', 'D2', 'D3'),
  delta_min: float,
  effect_bound: float,
  author_seeds: integer(1n, 256n),
  replicator_seeds: integer(1n, 256n),
  evaluator: integer(1n, 2n ** 31n)
}, m => m.delta_min >= 0 && m.effect_bound > m.delta_min)

const CHANGE = fields({ name: text(64), without: anyMap, measurement: MEASUREMENT })

export const KINDS = {
  track: fields({ manifest: MANIFEST }),
  claim: fields({
    track: id,
    recipe: anyMap,
    opponent: optional(id),
    hypothesis: text(4000),
    predicted_effect: optional(float),
    parents: list(0, 8, id, hex),
    proposer: text(64),
    licence: text(64),
    derivable: boolean
  }),
  accept: fields({ claim: id, seeds: integer(1n, 256n), commitment: id }),
  result: fields({ claim: id, measurement: MEASUREMENT }),
  replication: fields({ claim: id, accept: id, secret: id, own: MEASUREMENT, replay: optional(MEASUREMENT) }),
  ablation: fields({ claim: id, baseline: optional(id), changes: list(1, 12, CHANGE, change => change.get('name')) }),
  finding: fields({
    claim: id,
    relation: text(32),
    label: text(400),
    technique: optional(text(64)),
    paper: text(400),
    symbol: text(200),
    mode: text(64),
    slot: text(64),
    gain: optional(float),
    strength: text(32),
    evidence: list(0, 16, text(400)),
    catalogue: text(64)
  }),
  note: fields({ about: optional(id), text: text(4000) }),
  retraction: fields({ target: id, reason: text(4000) }),
  profile: fields({ name: text(64), software: text(64), device: text(120) })
}
