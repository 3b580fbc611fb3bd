/**
 * What computes for transformers.js: ONNX Runtime in WebAssembly, on the CPU, in a browser and in Node alike. Loaded before
 * the library, which takes the runtime that it finds under this name: in Node it would ask for native code instead, which
 * this project does without.
 */
import * as runtime from 'onnxruntime-web/wasm';

Object.assign(globalThis, { [Symbol.for('onnxruntime')]: runtime });

export { runtime };
