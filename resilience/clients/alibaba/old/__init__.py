"""The adapter of Alibaba's old SDK, aliyunsdkcore."""
