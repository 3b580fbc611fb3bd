import { css } from 'lit';

/**
 * The palette and sizes, as custom properties on the root element, so that a page that embeds it can override each.
 * Blue means "helped", orange "hurt", grey neutral (told apart by every common colour vision); teal can be pressed.
 * Text colours have a contrast of at least 4.5 on both `--nm-surface` and `--nm-background`.
 */
export const tokens = css`
  :host {
    color-scheme: light;
    --nm-background: #f4f6f8;
    --nm-surface: #ffffff;
    --nm-raised: #ffffff;
    --nm-sunken: #eceff3;
    --nm-text: #16191d;
    --nm-muted: #545d69;
    --nm-line: #d5dbe2;
    --nm-strong-line: #8a94a1;
    --nm-accent: #0b756b;
    --nm-accent-hover: #095f57;
    --nm-on-accent: #ffffff;
    --nm-accent-soft: #dcefed;
    --nm-helped: #1c64c4;
    --nm-helped-rgb: 28 100 196;
    --nm-hurt: #a85400;
    --nm-hurt-rgb: 224 122 16;
    --nm-neutral: #8a94a1;
    --nm-changed-rgb: 11 117 107;
    --nm-compared: #7b3fa8;
    --nm-warning-background: #fff4e0;
    --nm-warning-line: #e0a040;
    --nm-error-background: #fdecea;
    --nm-error-line: #c8553d;
    --nm-shadow: 0 1px 2px rgb(20 30 45 / 8%), 0 2px 8px rgb(20 30 45 / 6%);
    --nm-radius: 10px;
    --nm-control-radius: 7px;
    --nm-font: system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif;
    --nm-mono:
      ui-monospace, 'SF Mono', 'Cascadia Mono', 'Segoe UI Mono', 'DejaVu Sans Mono', Menlo, Consolas, monospace;
    --nm-quick: 160ms;
    --nm-slow: 240ms;

    /* What the controls of Web Awesome read. */
    --wa-form-control-activated-color: var(--nm-accent);
    --wa-color-neutral-fill-normal: var(--nm-line);
    --wa-color-surface-default: var(--nm-surface);
    --wa-color-surface-raised: var(--nm-raised);
    --wa-color-surface-border: var(--nm-line);
    --wa-color-text-normal: var(--nm-text);
    --wa-color-text-quiet: var(--nm-muted);
    --wa-focus-ring: 2px solid var(--nm-accent);
    --wa-font-size-smaller: 0.875em;
    --wa-font-size-xs: 11px;
    --wa-font-size-s: 13px;
    --wa-font-size-m: 15px;
    --wa-font-size-l: 17px;
    --wa-font-size-xl: 19px;
    --wa-form-control-label-color: var(--nm-text);
    --wa-form-control-label-font-weight: 400;
    --wa-form-control-label-line-height: 1.4;
    --wa-form-control-hint-color: var(--nm-muted);
    --wa-tooltip-arrow-size: 5px;
    --wa-tooltip-background-color: var(--nm-text);
    --wa-tooltip-border-color: var(--nm-text);
    --wa-tooltip-border-radius: 5px;
    --wa-tooltip-border-style: solid;
    --wa-tooltip-border-width: 0;
    --wa-tooltip-content-color: var(--nm-surface);
    --wa-tooltip-font-size: 13px;
    --wa-tooltip-line-height: 1.4;
    --wa-transition-fast: var(--nm-quick);
  }

  :host(:state(dark)) {
    color-scheme: dark;
    --nm-background: #101418;
    --nm-surface: #181d23;
    --nm-raised: #222932;
    --nm-sunken: #0b0e12;
    --nm-text: #eceff3;
    --nm-muted: #a3adba;
    --nm-line: #2f3842;
    --nm-strong-line: #6d7885;
    --nm-accent: #3fc7b5;
    --nm-accent-hover: #63d8c8;
    --nm-on-accent: #06201d;
    --nm-accent-soft: #14332f;
    --nm-helped: #74aefc;
    --nm-helped-rgb: 92 158 250;
    --nm-hurt: #ffab4f;
    --nm-hurt-rgb: 245 158 66;
    --nm-neutral: #6d7885;
    --nm-changed-rgb: 63 199 181;
    --nm-compared: #cfa3f5;
    --nm-warning-background: #33270f;
    --nm-warning-line: #94691e;
    --nm-error-background: #3a1a15;
    --nm-error-line: #b5543f;
    --nm-shadow: 0 1px 2px rgb(0 0 0 / 40%), 0 2px 8px rgb(0 0 0 / 30%);
  }

  @media (prefers-reduced-motion: reduce) {
    :host {
      --nm-quick: 0ms;
      --nm-slow: 0ms;
    }
  }
`;
