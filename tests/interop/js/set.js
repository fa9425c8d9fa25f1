// The record set of this client, in memory: one door, as record-v1.md section 8 has it.
import { hex } from './bytes.js'
import { openEnvelope, signatureHolds } from './record.js'
import { prefixOf } from './sketch.js'

const AHEAD = 10n * 60n * 1000n // milliseconds that an author's clock may be ahead of ours

export class RecordSet {
  constructor (swarm, workBits = 0) {
    this.swarm = swarm
    this.workBits = workBits
    this.byPrefix = new Map()
    this.rejected = 0
    this.listeners = []
  }

  get size () {
    return this.byPrefix.size
  }

  records () {
    return [...this.byPrefix.values()]
  }

  get (prefix) {
    return this.byPrefix.get(hex(prefix))
  }

  // Check envelopes and keep what is good; returns the good ones, `fresh` where they are new.
  async admit (raws, source = 'sync') {
    const good = []
    for (const raw of raws) {
      let record
      try {
        record = openEnvelope(raw, this.swarm, this.workBits)
      } catch (error) {
        this.rejected++
        continue
      }
      const name = hex(prefixOf(record.id))
      const known = this.byPrefix.get(name)
      if (known) good.push({ ...known, fresh: false })
      else if (record.time > BigInt(Date.now()) + AHEAD) continue
      else if (await signatureHolds(record)) {
        this.byPrefix.set(name, record)
        good.push({ ...record, fresh: true })
        for (const listener of this.listeners) listener(record, source)
      } else this.rejected++
    }
    return good
  }
}
