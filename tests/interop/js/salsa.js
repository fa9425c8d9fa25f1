// The pre-shared key of private swarms (gossip-v1.md, section 1): each side sends an 8-byte nonce, then its stream
// XOR Salsa20(key, nonce). As a libp2p connection protector.
import { ascii } from './bytes.js'

const rotate = (x, n) => x << n | x >>> 32 - n

// The key stream of Salsa20 with 20 rounds and a 32-byte key, applied to consecutive pieces of a stream.
export class Salsa20 {
  constructor (key, nonce) {
    const word = (bytes, i) => bytes[i] | bytes[i + 1] << 8 | bytes[i + 2] << 16 | bytes[i + 3] << 24
    const sigma = ascii('expand 32-byte k')
    const [k, n] = [i => word(key, 4 * i), i => word(nonce, 4 * i)]
    this.state = Int32Array.of(
      word(sigma, 0), k(0), k(1), k(2), k(3), word(sigma, 4), n(0), n(1),
      0, 0, word(sigma, 8), k(4), k(5), k(6), k(7), word(sigma, 12))
    this.block = new Uint8Array(64)
    this.used = 64
  }

  apply (data) {
    const out = new Uint8Array(data.length)
    for (let i = 0; i < data.length; i++) {
      if (this.used === 64) this.refill()
      out[i] = data[i] ^ this.block[this.used++]
    }
    return out
  }

  refill () {
    const x = this.state.slice()
    const quarter = (a, b, c, d) => {
      x[b] ^= rotate(x[a] + x[d] | 0, 7)
      x[c] ^= rotate(x[b] + x[a] | 0, 9)
      x[d] ^= rotate(x[c] + x[b] | 0, 13)
      x[a] ^= rotate(x[d] + x[c] | 0, 18)
    }
    for (let round = 0; round < 10; round++) {
      quarter(0, 4, 8, 12); quarter(5, 9, 13, 1); quarter(10, 14, 2, 6); quarter(15, 3, 7, 11)
      quarter(0, 1, 2, 3); quarter(5, 6, 7, 4); quarter(10, 11, 8, 9); quarter(15, 12, 13, 14)
    }
    const view = new DataView(this.block.buffer)
    for (let i = 0; i < 16; i++) view.setInt32(4 * i, x[i] + this.state[i] | 0, true)
    this.used = 0
    if (++this.state[8] === 0) this.state[9]++
  }
}

// Pass as libp2p's `connectionProtector`: what is sent and received goes through the cipher.
export function presharedKey (key) {
  return () => ({
    async protect (connection) {
      const nonce = crypto.getRandomValues(new Uint8Array(8))
      const outward = new Salsa20(key, nonce)
      let inward = null
      let head = new Uint8Array(0)
      const [send, push] = [connection.send.bind(connection), connection.onData.bind(connection)]
      let begun = false
      connection.send = data => {
        const first = begun ? [] : [...nonce]
        begun = true
        return send(Uint8Array.from([...first, ...outward.apply(data.subarray())]))
      }
      connection.onData = data => {
        let bytes = data.subarray()
        if (inward === null) {
          bytes = Uint8Array.from([...head, ...bytes])
          if (bytes.length < 8) {
            head = bytes
            return
          }
          inward = new Salsa20(key, bytes.subarray(0, 8))
          bytes = bytes.subarray(8)
        }
        if (bytes.length) push(inward.apply(bytes))
      }
      const early = connection.readBuffer.slice() // what came before we were asked
      connection.readBuffer.consume(early.length)
      if (early.length) connection.onData(early)
      return connection
    }
  })
}
