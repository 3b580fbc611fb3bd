import { noChange } from 'lit';
import { Directive, directive, PartType, type ElementPart, type PartInfo } from 'lit/directive.js';

/**
 * Sets style properties through the object model: `<div ${place({ left: '3px' })}>`. Lit's own `styleMap` writes a
 * `style` attribute the first time, which a Content-Security-Policy without inline styles forbids.
 */
class Place extends Directive {
  #set = new Set<string>();

  constructor(info: PartInfo) {
    super(info);
    if (info.type !== PartType.ELEMENT) throw new Error('place() belongs on an element: <div ${place({…})}>');
  }

  override render(_properties: Record<string, string>): typeof noChange {
    return noChange;
  }

  override update(part: ElementPart, [properties]: [Record<string, string>]): typeof noChange {
    const { style } = part.element as HTMLElement | SVGElement;
    for (const name of this.#set) {
      if (!(name in properties)) {
        style.removeProperty(name);
        this.#set.delete(name);
      }
    }
    for (const [name, value] of Object.entries(properties)) {
      if (style.getPropertyValue(name) !== value) style.setProperty(name, value);
      this.#set.add(name);
    }
    return noChange;
  }
}

export const place = directive(Place);
