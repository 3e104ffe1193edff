/** `mcpist completion`. */
import { Argument } from "@commander-js/extra-typings";
import { defineCommand, type Definition } from "../command.ts";

export const completion: Definition = (root, shell) =>
  defineCommand(
    "completion",
    {
      summary: "Prints a script with which a shell completes commands and options.",
      details:
        'bash:  eval "$(mcpist completion bash)"   in ~/.bashrc\nzsh:   eval "$(mcpist completion zsh)"    in ~/.zshrc, after compinit\nfish:  mcpist completion fish > ~/.config/fish/completions/mcpist.fish',
      examples: ["mcpist completion bash"],
    },
    (command) => command.addArgument(new Argument("<shell>", "which shell").choices(["bash", "zsh", "fish"] as const)),
    async (context, _flags, name) => (await import("../runs/completion.ts")).runCompletion(context, name, root),
  )(root, shell);
