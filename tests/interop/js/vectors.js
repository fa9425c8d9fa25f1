// Checks everything in tests/vectors (or the folder that is named) against the specifications: prints one JSON
// object, and exits with 1 on any failure.
import './polyfill.js'
import { readFile } from 'node:fs/promises'
import { pathToFileURL } from 'node:url'
import { PeerFault, equal, hex, idFromText, idText, littleEndian, peerIdText, unhex } from './bytes.js'
import { CHUNK, blobId, digestsOf } from './blobs.js'
import { decode, encode } from './codec.js'
import { isStrict, verify } from './ed25519.js'
import { frame, parse, unpack } from './frames.js'
import { openEnvelope, signatureHolds, split, recordId, swarmId } from './record.js'
import { Salsa20 } from './salsa.js'
import { Ordered, Symbols, checkOf, digest, lanes, prefixOf, swarmKeys } from './sketch.js'

const FOLDER = process.argv[2] ? pathToFileURL(process.argv[2] + '/') : new URL('../../vectors/', import.meta.url)
const failures = []
let checks = 0

const read = async name => JSON.parse(await readFile(new URL(name, FOLDER), 'utf8'))

function check (good, what) {
  checks++
  if (!good) failures.push(what)
}

function refuses (what, act) {
  try {
    act()
  } catch (error) {
    if (!(error instanceof PeerFault)) throw error
    return check(true, what)
  }
  check(false, `accepted: ${what}`)
}

async function records () {
  const vectors = await read('record-v1.json')
  const swarm = unhex(vectors.swarm)
  check(equal(swarm, swarmId(vectors.swarm_name)), 'swarm id')
  for (const { kind, envelope, id } of vectors.records) {
    const record = openEnvelope(unhex(envelope), swarm)
    check(record.kind === kind && idText(record.id) === id && equal(idFromText(id), record.id), `record ${kind}`)
    check(await signatureHolds(record), `signature of ${kind}`)
  }
  const { work } = vectors
  check(equal(unhex(work.swarm), swarmId(vectors.swarm_name, work.bits)), 'id of a swarm with work')
  const worked = openEnvelope(unhex(work.envelope), unhex(work.swarm), work.bits)
  check(idText(worked.id) === work.id && await signatureHolds(worked), 'record with work')
  refuses('record without work', () => openEnvelope(unhex(work.refused), unhex(work.swarm), work.bits))
  for (const { why, envelope } of vectors.refused) {
    let held = false
    try {
      held = await signatureHolds(openEnvelope(unhex(envelope), swarm))
    } catch (error) {
      if (!(error instanceof PeerFault)) throw error
    }
    check(!held, `refused record: ${why}`)
  }
}

async function signatures () {
  const { cases } = await read('ed25519-v1.json')
  for (const { what, public_key: key, message, signature, strict, holds } of cases) {
    const [a, m, s] = [key, message, signature].map(unhex)
    check(isStrict(a, s) === strict, `strict form: ${what}`)
    check(await verify(a, m, s) === holds, `signature: ${what}`)
  }
}

async function codec () {
  const vectors = await read('codec-v1.json')
  for (const { what, bytes } of vectors.accepted) {
    const data = unhex(bytes)
    check(equal(encode(decode(data)), data), `codec: ${what}`)
  }
  for (const { what, bytes } of vectors.refused) refuses(`codec: ${what}`, () => decode(unhex(bytes)))
}

async function sync () {
  const v = await read('gossip-v1.json')
  const keys = swarmKeys(unhex(v.swarm))
  const envelopes = v.envelopes.map(unhex)
  const ids = envelopes.map(raw => recordId(split(raw).body))
  check(ids.map(hex).join() === v.ids.join(), 'ids')
  const items = ids.map(id => [prefixOf(id), checkOf(prefixOf(id), keys)])
  const sums = items.map(([, sum]) => sum)
  check(hex(digest(sums)) === v.digest, 'digest')
  check(hex(lanes(sums, 128)) === v.lanes && v.lanes.startsWith(hex(lanes(sums, 32))), 'lanes')
  check(hex(Symbols.of(items, keys, 12).wire()) === v.symbols, 'symbols')
  const { sha256 } = await import('@noble/hashes/sha2.js')
  check(hex(sha256(Symbols.of(items, keys, 16384).wire())) === v.symbols_16384_sha256, 'a sketch of symbols')
  const missing = new Symbols(keys)
  missing.append(Symbols.of(items, keys, 64).wire())
  const found = missing.difference(Symbols.of(items.slice(5), keys, 64))
  check(found.complete && found.ours.length === 0 && found.theirs.length === 5, 'a difference of five')
  const half = letter => new TextEncoder().encode(letter.repeat(16))
  const records = ids.map((id, i) => ({ id, time: BigInt(v.times[i]) }))
  const ordered = new Ordered(records, half('a'), half('b'))
  const none = new Uint8Array(0)
  check(hex(ordered.salt) === v.salt, 'salt')
  const whole = parse(unhex(v.frames.Whole))
  check(ordered.fingerprint(none, none) === whole.fields[1], 'fingerprint')
  const [parts] = parse(unhex(v.frames.Parts)).fields
  check(ordered.differ(none, none, parts[0]).ranges.length === 0, 'a cut that agrees')
  const fewer = new Ordered(records.slice(0, 39), half('a'), half('b'))
  check(fewer.differ(none, none, parts[0]).ranges.length > 0, 'a cut that differs')
  for (const [name, bytes] of Object.entries(v.frames)) {
    const { kind, fields } = parse(unhex(bytes))
    check(hex(frame(kind, ...fields)) === bytes, `frame ${name}`)
  }
  check((await unpack(parse(unhex(v.batch)).fields[0])).length === 2, 'batch')
  const { private: psk } = v
  const cipher = new Salsa20(unhex(psk.key), unhex(psk.nonce))
  const stream = [7, 64, 129].map(length => hex(cipher.apply(new Uint8Array(length)))).join('')
  check(stream === psk.key_stream_200, 'key stream of a private swarm')
  check(peerIdText(unhex(v.peer_id.public_key)) === v.peer_id.text, 'peer id')
}

async function blobs () {
  const v = await read('blobs-v1.json')
  check(v.chunk_bytes === CHUNK, 'chunk size')
  for (const { size, digests, id } of v.blobs) {
    const data = Uint8Array.from({ length: size }, (_, i) => i % 251)
    check(hex(digestsOf(data)) === digests && idText(blobId(data)) === id, `blob of ${size} bytes`)
  }
  for (const [name, bytes] of Object.entries(v.frames)) {
    const { kind, fields } = parse(unhex(bytes))
    check(hex(frame(kind, ...fields)) === bytes, `frame ${name}`)
  }
}

for (const part of [records, signatures, codec, sync, blobs]) await part()
check(littleEndian(1n, 2)[0] === 1, 'little-endian')
console.log(JSON.stringify({ checks, failures }))
process.exitCode = failures.length ? 1 : 0
