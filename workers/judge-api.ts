/** The types of the boundary to the worker that runs a model that judges. */

export interface JudgeOptions {
  /**
   * `similarity`: how close a text is to the right answer, the cosine of their embeddings. `sentiment`: the probability of a
   * class that the model knows. `zero-shot`: the probability of a class that is only named.
   */
  kind: 'similarity' | 'sentiment' | 'zero-shot';
  /** Address of the model's folder, with a slash at its end. */
  model: string;
  /** Which of its files: `onnx/model_quantized.onnx` or `onnx/model.onnx`. */
  bits: 8 | 32;
  /** Classes; the first is the one that is rewarded. None for similarity; for sentiment one, default POSITIVE. */
  labels: readonly string[];
}

export interface JudgeRow {
  /** What the network answered. */
  text: string;
  /** What would have been right. */
  answer: string;
}

export interface JudgeWorkerApi {
  /**
   * Downloads and loads the model. `onProgress` hears of the bytes that have come, and of those that are known of.
   * Errors: one line on what is wrong with it.
   */
  load(options: JudgeOptions, onProgress: (loadedBytes: number, totalBytes: number) => void): Promise<void>;
  /** A number from 0 to 1 for each row. `onRow` hears of a row before it is judged. */
  judge(rows: readonly JudgeRow[], onRow: (row: number) => void): Promise<number[]>;
}
