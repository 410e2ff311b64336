"""Qwen at Alibaba Cloud Model Studio (DashScope). Keys belong to a region: set DASHSCOPE_BASE_URL for another one."""

from cherry.gateway.providers.spec import ProviderSpec

QWEN = ProviderSpec(
    name="qwen",
    title="Qwen (DashScope)",
    other_names=("dashscope",),
    wire="openai-chat",
    base_url="https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
    key_env=("DASHSCOPE_API_KEY", "QWEN_API_KEY"),
    url_env=("DASHSCOPE_BASE_URL", "QWEN_BASE_URL"),
    default_models=("qwen3-coder-plus", "qwen3.8-max", "qwen3.8-flash"),
    model_prefixes=("qwen", "qwq"),
    not_for_chat=("image", "tts", "audio", "asr", "embedding", "-mt-", "wan", "video", "omni", "ocr", "livetranslate"),
    key_url="https://modelstudio.console.alibabacloud.com",
)
