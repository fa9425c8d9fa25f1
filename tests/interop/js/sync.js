// The asking side of a sync session (sync-v1.md) over a FrameStream.
import { compare, concat, hex, require } from './bytes.js'
import { firstPack, frame, pack, unpack } from './frames.js'
import { SYNC_ANSWERS, readMessage } from './messages.js'
import { MAX_SYMBOLS, Ordered, Symbols, checkOf, digest, lanes, prefixOf, swarmKeys } from './sketch.js'

const OPEN = 0; const MORE = 1; const WANT = 2; const GIVE = 3; const BUCKET = 4; const SALT = 5; const COMPARE = 6
const SAME = 16; const RUN = 17; const FAR = 18; const RECORDS = 19; const TOOK = 20; const WHOLE = 21; const PARTS = 22
export const BUSY = 31
const MOST_WANTED = 1024
const MOST_RANGES = 512

export class Busy extends Error {}

// One session. `set` has `records()` and `get(prefix)`, and `admit(raws)` which checks and keeps what it is given.
export class SyncSession {
  constructor (stream, set, swarm) {
    this.stream = stream
    this.set = set
    this.keys = swarmKeys(swarm)
    this.received = 0
    this.given = 0
  }

  // Returns `equal`, `far`, or `exchanged`. `audit`: compare by ranges whatever the digests say.
  async run (audit = false) {
    const items = this.set.records().map(({ id }) => [prefixOf(id), checkOf(prefixOf(id), this.keys)])
    const checks = items.map(([, check]) => check)
    const first = await this.ask(OPEN, BigInt(items.length), digest(checks), lanes(checks, 32))
    if (first.kind === SAME && !audit) return 'equal'
    if (first.kind === FAR) {
      const [theirs] = first.fields
      if (theirs > 2n * BigInt(items.length)) await this.bulk()
      else if (2n * theirs < BigInt(items.length)) return 'far'
      else await this.ranges()
      return 'exchanged'
    }
    if (audit || !await this.symbols(items, first)) return await this.ranges()
    return 'exchanged'
  }

  async ask (kind, ...fields) {
    await this.stream.send(frame(kind, ...fields))
    const answer = await this.stream.read()
    if (answer === null) throw new Error('the peer closed the stream')
    const found = readMessage(SYNC_ANSWERS, answer)
    if (found.kind === BUSY) throw new Busy('the peer is busy')
    return found
  }

  // Fields of an answer of the expected kind.
  async fields (kind, ...question) {
    const answer = await this.ask(...question)
    require(answer.kind === kind, `answer ${answer.kind} where ${kind} belongs`)
    return answer.fields
  }

  // Section 3. False if the symbols were not enough.
  async symbols (items, first) {
    const theirs = new Symbols(this.keys)
    let answer = first
    for (;;) {
      require(answer.kind === RUN, 'symbols were asked for')
      theirs.append(answer.fields[1])
      require(theirs.length <= MAX_SYMBOLS, 'more symbols than a sketch has')
      const found = theirs.difference(Symbols.of(items, this.keys, theirs.length))
      const most = theirs.length === MAX_SYMBOLS
      if (found.complete || most) {
        await this.exchange(found)
        return found.complete && this.lacking(found.theirs).length === 0
      }
      answer = await this.ask(MORE, BigInt(Math.min(MAX_SYMBOLS - theirs.length, Math.ceil(theirs.length / 4) + 8)))
    }
  }

  async exchange ({ theirs, ours }) {
    for (let at = 0; at < theirs.length; at += MOST_WANTED) await this.want(theirs.slice(at, at + MOST_WANTED))
    let gift = ours.map(prefix => this.set.get(prefix)).filter(Boolean).map(({ raw }) => raw)
    while (gift.length) {
      const count = firstPack(gift)
      const [took] = await this.fields(TOOK, GIVE, await pack(gift.slice(0, count)))
      require(took <= BigInt(count), 'took more than was given')
      this.given += Number(took)
      gift = gift.slice(count)
    }
  }

  lacking (prefixes) {
    return prefixes.filter(prefix => !this.set.get(prefix))
  }

  // Ask until there is no more; what was asked for and not given was a phantom, or has gone.
  async want (prefixes) {
    const asked = new Set(prefixes.map(hex))
    for (let wanted = prefixes; wanted.length;) {
      const [packed, more] = await this.fields(RECORDS, WANT, concat(...wanted))
      const records = await this.take(packed)
      for (const { id } of records) require(asked.has(hex(prefixOf(id))), 'a record that was not asked for')
      require(records.length > 0 || !more, 'nothing, and more of it')
      if (!more) return
      const last = hex(prefixOf(records[records.length - 1].id))
      wanted = wanted.slice(wanted.findIndex(prefix => hex(prefix) === last) + 1)
    }
  }

  async take (packed) {
    const records = await this.set.admit(await unpack(packed))
    this.received += records.filter(record => record.fresh).length
    return records
  }

  // Section 4.
  async ranges () {
    const half = crypto.getRandomValues(new Uint8Array(16))
    const [theirHalf, whole] = await this.fields(WHOLE, SALT, half)
    const ordered = new Ordered(this.set.records(), half, theirHalf)
    const none = new Uint8Array(0)
    if (ordered.fingerprint(none, none) === whole) return 'equal'
    for (let ranges = [[none, none]]; ranges.length;) {
      const now = ranges.splice(0, MOST_RANGES)
      const [parts] = await this.fields(PARTS, COMPARE, now)
      require(parts.length === now.length, 'one description for each range')
      for (let i = 0; i < now.length; i++) {
        const found = ordered.differ(...now[i], parts[i])
        await this.exchange(found)
        ranges.push(...found.ranges)
      }
    }
    return 'exchanged'
  }

  // Section 5: everything, in ascending order of id.
  async bulk () {
    for (let low = new Uint8Array(0), more = true; more;) {
      let packed
      ;[packed, more] = await this.fields(RECORDS, BUCKET, low, new Uint8Array(0))
      const records = await this.take(packed)
      require(records.length > 0 || !more, 'nothing, and more of it')
      for (const { id } of records) {
        require(compare(id, low) >= 0, 'out of order')
        low = above(id)
      }
    }
  }
}

// The least bound above an id.
function above (id) {
  const out = id.slice()
  for (let i = out.length - 1; i >= 0; i--) {
    if (++out[i] & 255) return out
  }
  return new Uint8Array(0)
}
