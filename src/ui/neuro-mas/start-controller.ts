import type { ReactiveController, ReactiveControllerHost } from 'lit';
import { presets } from '../../presets.ts';
import type { Hideable } from '../../session/hidden.ts';
import { readKeys } from '../../session/keys.ts';
import { isLink } from '../../session/link.ts';
import type { Session } from '../../session/session.ts';
import { BUILT_IN_MODELS, parseSpec } from '../../spec.ts';
import type { Attention } from './attention.ts';
import type { DialogController } from './dialog-controller.ts';
import type { FilmGate } from './film-gate.ts';
import type { LiveController } from './live-controller.ts';
import { openingOf, type Opening, type OpeningAttributes } from './opening.ts';
import type { Sources } from './sources.ts';
import type { Theme } from './theme-controller.ts';

/** The first picture waits so long for storage to say which run could be resumed, in milliseconds. */
const LOOK = 200;

/** The element's attributes, as far as they say how it begins. */
export interface StartHost extends ReactiveControllerHost, OpeningAttributes {
  readonly isConnected: boolean;
  readonly controls: 'full' | 'minimal' | 'none';
  readonly permalink: boolean;
  readonly preload: boolean;
  readonly lazy: boolean;
  readonly autoplay: boolean;
  readonly assets: string | null;
  theme: Theme;
  base: URL;
  chosen: boolean;
}

export interface StartParts {
  live: LiveController;
  sources: Sources;
  attention: Attention;
  gate: FilmGate;
  studies: DialogController<'nm-studies'>;
}

/** How the element begins: from its attributes or the page's address, and again when a link is put into the address. */
export class StartController implements ReactiveController {
  /** What is wrong with the link the page was opened with, or with its attributes. */
  bad: string | null = null;
  /** A problem somebody typed. */
  typed = '';
  /** Parts of the page that are not shown. */
  leftOut: readonly Hideable[] = [];
  readonly #host: StartHost;
  readonly #parts: StartParts;

  constructor(host: StartHost, parts: StartParts) {
    this.#host = host;
    this.#parts = parts;
    host.addController(this);
  }

  hostConnected(): void {
    addEventListener('hashchange', this.#onHash);
    void this.#open();
  }

  hostDisconnected(): void {
    removeEventListener('hashchange', this.#onHash);
  }

  type(text: string): void {
    this.typed = text;
    this.#host.requestUpdate();
  }

  forgetBad(): void {
    this.bad = null;
    this.#host.requestUpdate();
  }

  async #open(): Promise<void> {
    const host = this.#host;
    const { live, sources, studies } = this.#parts;
    const { preset, task, level, layers, seed, recording, bundle, hide, permalink, controls } = host;
    const given = { preset, task, level, layers, seed, recording, bundle, hide };
    const opening = await openingOf(permalink ? location.hash : '', given);
    if (!host.isConnected || live.session) return;
    const { spec } = opening;
    host.chosen = opening.chosen;
    sources.bundle = opening.bundle;
    this.typed = opening.typed;
    this.bad = opening.bad;
    this.leftOut = opening.hidden;
    if (opening.theme) host.theme = opening.theme;
    if (opening.pace) live.pace = opening.pace;
    if (host.assets !== null) host.base = new URL(`${host.assets.replace(/\/+$/, '')}/`, document.baseURI);
    // What is tried in an embed is not mixed with the runs of the page.
    const session = live.open({ spec, base: host.base, ...(controls !== 'full' && { openStore: null }) });
    session.mute(opening.blanked);
    const looked = controls === 'full' ? session.findResumable() : Promise.resolve();
    // A run that can be resumed is offered above the desk: in the first picture, or it would push the desk down.
    await Promise.race([looked, pause(LOOK)]);
    if (this.#parts.live.session !== session) return;
    live.refresh();
    live.selectNamed(opening.node);
    if (opening.study !== null && controls === 'full') void studies.open({ name: opening.study });
    if (opening.recording === null) this.#begin(session, opening, looked);
    else sources.offer(opening.recording, opening.step);
  }

  /** What is loaded and started by itself. */
  #begin(session: Session, opening: Opening, looked: Promise<void>): void {
    const { sources, attention, gate } = this.#parts;
    const { controls, autoplay, preload } = this.#host;
    const lazy = this.#host.lazy || controls !== 'full';
    if (lazy) attention.pauseUnseen(session, () => gate.open());
    if (opening.bundle !== null) {
      if (!lazy || autoplay) attention.whenSeen(() => void this.#useBundle(opening, autoplay));
      return;
    }
    // A model at a stranger's address is not fetched before someone presses play.
    if (preload && BUILT_IN_MODELS.includes(opening.spec.model)) {
      if (lazy) attention.whenSeen(() => void this.#preload(session, looked));
      else void this.#preload(session, looked);
    } else if (controls === 'minimal') void sources.offerInstead(opening.spec);
    if (autoplay) attention.whenSeen(() => void session.play());
  }

  /** The trained network of an address, and what of it was on view. */
  async #useBundle({ node, blanked, typed }: Opening, play: boolean): Promise<void> {
    const { live, sources } = this.#parts;
    await sources.use(play);
    const { session } = live;
    if (!session || session.state.step === 0 || play) return;
    live.refresh();
    live.selectNamed(node);
    this.type(typed);
    session.mute(blanked);
    if (typed || session.state.blanked.length > 0) await session.tryProblem(typed || null);
  }

  /** Loads the engine; where it is slow and nobody chose otherwise, the small steps are the better beginning. */
  async #preload(session: Session, looked: Promise<void>): Promise<void> {
    if (await this.#parts.sources.watchInstead(session, looked)) return;
    await session.load();
    const { adapter, step, activity, spec } = session.state;
    if (this.#host.chosen || !adapter?.software || step > 0 || activity !== 'idle') return;
    await session.begin(parseSpec({ ...presets['arithmetic-2-1-small'].spec, seed: spec.seed }));
  }

  readonly #onHash = (): void => {
    if (this.#host.permalink && (isLink(location.hash) || readKeys(location.hash))) void this.#follow(location.hash);
  };

  /** A link was put into the address of a page that is open. */
  async #follow(hash: string): Promise<void> {
    const host = this.#host;
    const { live, sources, studies } = this.#parts;
    const none = { preset: null, task: null, level: null, layers: null, seed: null, recording: null, bundle: null };
    const opening = await openingOf(hash, { ...none, hide: host.hide });
    const { spec, pace, typed, bad, recording, bundle, hidden, theme, node, blanked, step, study } = opening;
    this.bad = bad;
    host.requestUpdate();
    if (bad) return;
    this.leftOut = hidden;
    if (theme) host.theme = theme;
    if (study !== null && host.controls === 'full') await studies.open({ name: study });
    // `#theme=dark` or `#hide=settings` alone is about the view: the run goes on.
    if (!opening.chosen && recording === null) return;
    sources.bundle = bundle;
    if (recording !== null || bundle !== null) {
      await (recording === null ? this.#useBundle(opening, false) : sources.watch(recording, false, step));
      return;
    }
    sources.close();
    host.chosen = true;
    this.type(typed);
    if (pace) live.setPace(pace);
    await live.session?.begin(spec);
    live.session?.mute(blanked);
    live.refresh();
    live.selectNamed(node);
  }
}

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));
