"""The models of the simulated OpenRouter: real slugs and providers; prices and speeds are approximate."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Model:
    """A model that records are drawn for.

    Attributes:
        slug: Its permanent name, which records tell as their model: the canonical slug, or permaslug.
        providers: Providers that serve it.
        prompt_price: USD per million prompt tokens.
        completion_price: USD per million completion tokens.
        speed: Typical completion tokens per second.
        api_type: ``completions``, ``embeddings`` or ``image``.
        reasons: Whether it produces reasoning tokens.
        listed_as: The slug under which it is requested and listed, where that is another.
    """

    slug: str
    providers: tuple[str, ...]
    prompt_price: float
    completion_price: float
    speed: float
    api_type: str = "completions"
    reasons: bool = False
    listed_as: str | None = None

    @property
    def listed_slug(self) -> str:
        """The slug under which it is requested and listed."""
        return self.listed_as or self.slug


MODELS = (
    Model("openai/gpt-4o-mini", ("OpenAI", "Azure"), 0.15, 0.6, 95),
    Model("openai/gpt-4o", ("OpenAI", "Azure"), 2.5, 10, 70, listed_as="openai/chatgpt-4o-latest"),
    Model("openai/gpt-5", ("OpenAI", "Azure"), 1.25, 10, 60, reasons=True),
    Model("openai/gpt-5-mini", ("OpenAI", "Azure"), 0.25, 2, 90, reasons=True),
    Model("openai/o4-mini", ("OpenAI",), 1.1, 4.4, 80, reasons=True),
    Model("openai/gpt-oss-120b", ("Cerebras", "Groq", "Fireworks", "Together"), 0.09, 0.36, 450, reasons=True),
    Model(
        "anthropic/claude-sonnet-4",
        ("Anthropic", "Amazon Bedrock", "Google"),
        3,
        15,
        62,
        listed_as="anthropic/claude-sonnet-latest",
    ),
    Model("anthropic/claude-opus-4.1", ("Anthropic", "Amazon Bedrock", "Google"), 15, 75, 38),
    Model("anthropic/claude-3.5-haiku", ("Anthropic", "Amazon Bedrock"), 0.8, 4, 75),
    Model(
        "google/gemini-2.5-flash",
        ("Google AI Studio", "Google"),
        0.3,
        2.5,
        160,
        reasons=True,
        listed_as="google/gemini-flash-latest",
    ),
    Model("google/gemini-2.5-pro", ("Google AI Studio", "Google"), 1.25, 10, 85, reasons=True),
    Model("google/gemini-2.5-flash-lite", ("Google AI Studio", "Google"), 0.1, 0.4, 210),
    Model("google/gemma-3-27b-it", ("DeepInfra", "Parasail", "Nebius"), 0.09, 0.16, 45),
    Model("deepseek/deepseek-chat-v3.1", ("DeepSeek", "Fireworks", "DeepInfra", "Novita"), 0.2, 0.8, 55),
    Model(
        "deepseek/deepseek-r1-0528",
        ("DeepInfra", "Novita", "SambaNova"),
        0.5,
        2.15,
        40,
        reasons=True,
        listed_as="deepseek/deepseek-r1",
    ),
    Model("meta-llama/llama-3.3-70b-instruct", ("Groq", "Together", "DeepInfra", "Cerebras"), 0.13, 0.39, 120),
    Model("meta-llama/llama-3.1-8b-instruct", ("DeepInfra", "Novita", "Groq"), 0.02, 0.03, 140),
    Model("meta-llama/llama-4-maverick", ("Together", "Fireworks", "SambaNova"), 0.15, 0.6, 110),
    Model("mistralai/mistral-small-3.2-24b-instruct", ("Mistral", "DeepInfra"), 0.05, 0.1, 90),
    Model("mistralai/mistral-large-2411", ("Mistral",), 2, 6, 48, listed_as="mistralai/mistral-large"),
    Model("mistralai/codestral-2508", ("Mistral",), 0.3, 0.9, 150, listed_as="mistralai/codestral"),
    Model("qwen/qwen3-235b-a22b", ("Alibaba", "Together", "Fireworks", "Parasail"), 0.13, 0.6, 50, reasons=True),
    Model("qwen/qwen3-coder", ("Alibaba", "Cerebras", "Novita"), 0.2, 0.8, 85),
    Model("x-ai/grok-4", ("xAI",), 3, 15, 55, reasons=True),
    Model("x-ai/grok-code-fast-1", ("xAI",), 0.2, 1.5, 130, reasons=True),
    Model("moonshotai/kimi-k2", ("Moonshot AI", "Groq", "Novita"), 0.55, 2.2, 65),
    Model("z-ai/glm-4.5", ("Z.AI", "DeepInfra", "Novita"), 0.33, 1.32, 60, reasons=True),
    Model("cohere/command-a", ("Cohere",), 2.5, 10, 58),
    Model("perplexity/sonar-pro", ("Perplexity",), 3, 15, 66),
    Model("liquid/lfm-7b", ("Liquid",), 0.01, 0.01, 180),
    Model("nvidia/nemotron-nano-9b-v2:free", ("Nvidia",), 0, 0, 100),
)
EMBEDDING_MODEL = Model("openai/text-embedding-3-small", ("OpenAI", "Azure"), 0.02, 0, 0, api_type="embeddings")
IMAGE_MODEL = Model("google/gemini-2.5-flash-image", ("Google AI Studio", "Google"), 0.3, 30, 200, api_type="image")
RETIRED = "liquid/lfm-7b"
"""A model that requests still name, but that the list of models has no more."""
ALL_MODELS = (*MODELS, EMBEDDING_MODEL, IMAGE_MODEL)
