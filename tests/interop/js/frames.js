// Frames and packs (gossip-v1.md, section 2).
import { concat, require } from './bytes.js'
import { decode, encode } from './codec.js'

export const MAX_FRAME = 524288
const PACK = 262144
const UNPACKED = 344064
const ENVELOPES = 4096

export const frame = (kind, ...fields) => concat([1], encode([BigInt(kind), ...fields]))

export function parse (data) {
  require(data.length > 0 && data.length <= MAX_FRAME, 'a frame of a wrong length')
  require(data[0] === 1, 'a frame of another version')
  const found = decode(data.subarray(1), MAX_FRAME)
  require(Array.isArray(found) && typeof found[0] === 'bigint', 'a frame is an array that begins with its kind')
  return { kind: Number(found[0]), fields: found.slice(1) }
}

// The first envelopes of a list, as many as one pack takes, and how many those are.
export function firstPack (envelopes) {
  let size = 0
  let count = 0
  while (count < envelopes.length && count < ENVELOPES && size < PACK) size += envelopes[count++].length
  return count
}

export async function pack (envelopes) {
  return through(new CompressionStream('deflate'), encode(envelopes), Infinity)
}

export async function unpack (packed) {
  const envelopes = decode(await through(new DecompressionStream('deflate'), packed, UNPACKED), UNPACKED)
  require(Array.isArray(envelopes) && envelopes.length <= ENVELOPES, 'not an array of envelopes')
  for (const raw of envelopes) {
    require(raw instanceof Uint8Array && raw.length > 0 && raw.length <= 65536, 'not an envelope')
  }
  return envelopes
}

async function through (stream, data, most) {
  const writer = stream.writable.getWriter()
  const written = writer.write(data).then(() => writer.close()).catch(() => {}) // the reader sees the error too
  const parts = []
  let size = 0
  try {
    for await (const part of stream.readable) {
      size += part.length
      require(size <= most, 'a pack beyond its limit') // leaving the loop cancels the stream
      parts.push(part)
    }
  } catch (error) {
    require(!(error instanceof TypeError) && error.code === undefined, 'a pack that does not decompress')
    throw error
  }
  await written
  return concat(...parts)
}

// Frames over a libp2p stream: each after its length as an unsigned varint.
export class FrameStream {
  constructor (stream, milliseconds = 10000) {
    this.stream = stream
    this.parts = stream[Symbol.asyncIterator]()
    this.buffer = new Uint8Array(0)
    this.milliseconds = milliseconds
  }

  async send (data) {
    if (!this.stream.send(concat(varint(data.length), data))) {
      await this.stream.onDrain({ signal: AbortSignal.timeout(this.milliseconds) })
    }
  }

  async read () {
    let timer
    const late = new Promise((resolve, reject) => {
      timer = setTimeout(() => reject(new Error('the peer does not answer')), this.milliseconds)
    })
    try {
      return await Promise.race([this.next(), late])
    } finally {
      clearTimeout(timer)
    }
  }

  // The next frame; null if the stream ended before it.
  async next () {
    for (;;) {
      const head = this.length()
      if (head && this.buffer.length >= head.start + head.length) {
        const end = head.start + head.length
        const data = this.buffer.slice(head.start, end)
        this.buffer = this.buffer.slice(end)
        return data
      }
      const { done, value } = await this.parts.next()
      if (done) {
        require(this.buffer.length === 0, 'a stream that ends within a frame')
        return null
      }
      this.buffer = concat(this.buffer, value.subarray())
    }
  }

  length () {
    let length = 0
    for (let i = 0; i < Math.min(3, this.buffer.length); i++) {
      length |= (this.buffer[i] & 127) << 7 * i
      if (this.buffer[i] < 128) {
        require(length > 0 && length <= MAX_FRAME, 'announces a frame beyond the limit')
        return { start: i + 1, length }
      }
    }
    require(this.buffer.length < 3, 'announces a frame beyond the limit')
    return null
  }
}

function varint (value) {
  const out = []
  for (; value >= 128; value >>= 7) out.push(value & 127 | 128)
  return Uint8Array.from([...out, value])
}
