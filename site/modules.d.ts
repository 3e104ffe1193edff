/** What is used of packages that are installed in this folder alone, so that types are checked where it is not installed. */
declare module "beautiful-mermaid" {
  export function renderMermaidSVG(
    diagram: string,
    options: {
      readonly bg: string;
      readonly fg: string;
      readonly accent: string;
      readonly muted: string;
      readonly line: string;
      readonly font: string;
      readonly transparent: boolean;
    },
  ): string;
}

declare module "vitepress/theme-without-fonts" {
  const theme: object;
  export default theme;
}

declare module "*.css";

declare module "playwright-core" {
  export interface Locator {
    click(): Promise<void>;
    fill(text: string): Promise<void>;
    first(): Locator;
    waitFor(): Promise<void>;
    textContent(): Promise<string | null>;
  }
  export interface Page {
    goto(url: string): Promise<unknown>;
    url(): string;
    waitForURL(url: RegExp): Promise<void>;
    locator(selector: string): Locator;
    setDefaultTimeout(ms: number): void;
    evaluate<Result>(script: string): Promise<Result>;
    on(event: "request", listener: (request: { url(): string }) => void): void;
    on(event: "pageerror", listener: (error: Error) => void): void;
    screenshot(options: { readonly path: string }): Promise<unknown>;
  }
  export interface Browser {
    newPage(options: {
      readonly viewport: { readonly width: number; readonly height: number };
      readonly colorScheme?: "light" | "dark";
    }): Promise<Page>;
    close(): Promise<void>;
  }
  export const chromium: {
    launch(options: {
      readonly executablePath: string;
      readonly args: readonly string[];
      readonly timeout: number;
    }): Promise<Browser>;
  };
}
